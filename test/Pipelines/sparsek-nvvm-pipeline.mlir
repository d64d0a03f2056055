// RUN: sparsek-opt %s --sparsek-nvvm-pipeline=host=false | FileCheck %s
// RUN: sparsek-opt %s --sparsek-nvvm-pipeline=format=llvm | FileCheck %s --check-prefix=BITCODE
// RUN: sparsek-opt %s --sparsek-nvvm-pipeline=format=nvvm | FileCheck %s --check-prefix=NVVM
// RUN: sparsek-opt %s --sparsek-nvvm-pipeline="format=nvvm schedule=rows=64,keys=64,overlap=false" | FileCheck %s --check-prefix=SCHEDULE
// RUN: sparsek-opt %s --sparsek-nvvm-pipeline="format=nvvm remarks=true" -o %t 2>&1 | FileCheck %s --check-prefix=REMARKS
// RUN: sparsek-opt %s --sparsek-nvvm-pipeline="host=false chip=sm_80" | FileCheck %s --check-prefix=PORTABLE
// RUN: sparsek-opt %s --sparsek-nvvm-pipeline="host=false chip=sm_75" 2>&1 | FileCheck %s --check-prefix=OLD
// RUN: not sparsek-opt %s --sparsek-nvvm-pipeline=schedule=rows=100 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not sparsek-opt %s --sparsek-nvvm-pipeline=format=elf 2>&1 | FileCheck %s --check-prefix=FORMAT

// The op stays and names its kernels; these are PTX with a complete record.
// CHECK: sparsek.gathered_attention {{.*}} {tile.kernels = @[[KERNELS:.*]]} :
// CHECK: gpu.binary @[[KERNELS]] {sparsek.launch_record = {chip = "sm_90a", dtype = "bf16", gate = "key_value", group = 4 : i64, head_dim = 64 : i64,
// CHECK-SAME: kernels = [{arguments = [{name = "expiry", type = "ptr"}, {name = "table", type = "ptr"}, {name = "counts", type = "ptr"},
// CHECK-SAME: grid = "chunks x batch_score_heads", name = "survivors", shared_bytes = 64 : i64, threads = 256 : i64},
// CHECK-SAME: {arguments = [{name = "q", type = "ptr"}, {{.*}}{name = "scale_log2", type = "f32"}], blocks_per_sm = 1 : i64, grid = "persistent", name = "attention",
// CHECK-SAME: version = 1 : i64}}
// CHECK-SAME: [#gpu.object<#nvvm.target<O = 3, chip = "sm_90a", features = "+ptx86">, {{.*}}assembly = "
// CHECK-SAME: .entry survivors(
// CHECK-SAME: .entry attention(
// CHECK-SAME: setmaxnreg.dec.sync.aligned.u32
// CHECK-SAME: wgmma.mma_async.sync.aligned.m64n{{[0-9]+}}k16.f32.bf16.bf16

// Bitcode cannot be launched: the function stays.
// BITCODE: sparsek.gathered_attention {{.*}} {tile.kernels = @[[KERNELS:.*]]} :
// BITCODE: gpu.binary @[[KERNELS]] {{.*}} offload = "

// NVVM: gpu.module @gathered_attention_0 [#nvvm.target<O = 3, chip = "sm_90a", features = "+ptx86">]
// NVVM-NOT: {{(tile|frag|scf|arith|vector|math|memref|cf)}}.
// NVVM: llvm.func @survivors(
// NVVM: llvm.func @attention(
// NVVM: nvvm.setmaxregister
// NVVM-NOT: unrealized_conversion_cast

// SCHEDULE: tile = {head_block = 4 : i64, keys = 64 : i64, positions = 16 : i64, rows = 64 : i64}
// SCHEDULE: wgmma.mma_async.sync.aligned.m64n64k16

// PORTABLE: sparsek.launch_record = {chip = "sm_80",
// PORTABLE-SAME: [#gpu.object<#nvvm.target<O = 3, chip = "sm_80", features = "+ptx80">, {{.*}}assembly = "
// PORTABLE-SAME: .target sm_80
// PORTABLE-SAME: mbarrier.test_wait.parity.shared.b64
// PORTABLE-SAME: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32

// OLD: remark: left as it is: there are tile programs for sm_80,
// OLD-NOT: gpu.binary

// REMARKS: remark: scheduled as #tile.schedule<rows =

// ROWS: error: {{.*}}schedule: rows must be 64, 128, 192 or 256, but is 100

// FORMAT: error: unknown format 'elf'; accepted are ptx, cubin, fatbin and llvm

func.func @f(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x1x?x64xbf16>, %v: tensor<?x1x?x64xbf16>, %u: tensor<?x1x?xf32>,
             %tau: tensor<?x1x?xf32>, %expiry: tensor<?x1x?xi32>) -> tensor<?x4x?x64xbf16> {
  %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %tau, %expiry topk(1024) window(1024)
      : tensor<?x4x?x64xbf16>, tensor<?x1x?x64xbf16>, tensor<?x1x?x64xbf16>, tensor<?x1x?xf32>, tensor<?x1x?xf32>,
        tensor<?x1x?xi32>
  return %o : tensor<?x4x?x64xbf16>
}
