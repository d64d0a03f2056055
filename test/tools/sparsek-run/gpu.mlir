// A driver that writes down calls, and has memory but runs no kernels.
// DEFINE: %{fake} = env SPARSEK_LIBCUDA=%sparsek_lib_dir/libFakeCUDA.so FAKE_CUDA_LOG=%t.log

// RUN: %{fake} sparsek-run %s --entry=attention --pipeline=nvvm --rest=normal --output %t.o.npy --output %t.lse.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REPORT
// RUN: FileCheck %s --input-file=%t.log --check-prefix=LOG
// RUN: %{fake} sparsek-run %s --entry=copy --pipeline=gpu-plain --input iota:3xf32 --device=1 --quiet --print | FileCheck %s --check-prefix=COPY
// RUN: FileCheck %s --input-file=%t.log --check-prefix=DEVICE
// RUN: not %{fake} sparsek-run %s --entry=copy --pipeline=nvvm --rest=zeros:3xf32 --device=2 2>&1 | FileCheck %s --check-prefix=NODEVICE
// RUN: not env SPARSEK_LIBCUDA=%t.none.so sparsek-run %s --entry=copy --pipeline=nvvm --rest=zeros:3xf32 2>&1 | FileCheck %s --check-prefix=NODRIVER

// The time is that of the function, without the copies.
// REPORT: function  attention(
// REPORT: time

// The launches of the selection, then those of attention.
// LOG: cuDevicePrimaryCtxRetain 0
// LOG: cuStreamCreate
// LOG-COUNT-4: cuMemcpyAsync
// LOG-NOT: attention_kernel
// LOG: cuLaunchKernel sort_tiles device 0 grid 1,1,1 {{.*}} stream [[STREAM:.*]]
// LOG: cuLaunchKernel rank_table device 0 {{.*}} stream [[STREAM]]
// LOG: cuLaunchKernel boundaries_128 device 0 {{.*}} stream [[STREAM]]
// LOG: cuLaunchKernel rank_scan device 0 {{.*}} stream [[STREAM]]
// LOG: cuLaunchKernel thresholds_32 device 0 {{.*}} stream [[STREAM]]
// LOG: cuLaunchKernel expiries device 0 {{.*}} stream [[STREAM]]
// LOG: cuLaunchKernel survivors device 0 grid 1,1,1 block 256,1,1 shared {{[0-9]+}} stream [[STREAM]]
// LOG: cuLaunchKernel attention device 0 grid {{.*}} stream [[STREAM]]
// LOG: cuStreamSynchronize
// Both results travel back, everything is freed, the modules are unloaded.
// LOG: cuMemcpyAsync 5120
// LOG: cuMemcpyAsync 160
// LOG: cuStreamDestroy
// LOG: cuMemFree
// LOG: cuModuleUnload

// COPY: result 1: tensor<3xf32> = [0, 1, 2]
// DEVICE: cuDevicePrimaryCtxRetain 1

// NODEVICE: error: there is no CUDA device 2, the driver shows 2
// NODRIVER: error: no NVIDIA driver: cannot load {{.*}}none.so
// NODRIVER-SAME: Running kernels needs a GPU with its driver installed; compiling them does not

func.func @attention(%q: tensor<1x4x10x64xbf16>, %k: tensor<1x1x10x64xbf16>, %v: tensor<1x1x10x64xbf16>, %u: tensor<1x1x10xf32>)
    -> (tensor<1x4x10x64xbf16>, tensor<1x4x10xf32>) {
  %o, %lse = sparsek.attention %q, %k, %v, %u topk(4) window(4)
      : tensor<1x4x10x64xbf16>, tensor<1x1x10x64xbf16>, tensor<1x1x10x64xbf16>, tensor<1x1x10xf32>
  return %o, %lse : tensor<1x4x10x64xbf16>, tensor<1x4x10xf32>
}

func.func @copy(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}
