// RUN: sparsek-opt %s --convert-sparsek-to-launch --split-input-file --verify-diagnostics

module {
  // expected-error@+1 {{the object of the gpu.binary must be PTX, a cubin or a fatbin}}
  gpu.binary @kernels {sparsek.launch_record = {}} [#gpu.object<#nvvm.target, offload = "BC">]
}

// -----

module {
  // expected-error@+1 {{expected one object in the gpu.binary, found 2; compile for one chip}}
  gpu.binary @kernels {sparsek.launch_record = {}} [#gpu.object<#nvvm.target, bin = "1">, #gpu.object<#nvvm.target<chip = "sm_80">, bin = "2">]
}

// -----

func.func @no_kernels(%q: tensor<1x4x?x64xbf16>, %u: tensor<1x1x?xf32>, %e: tensor<1x1x?xi32>) {
  // expected-error@+1 {{refers by 'tile.kernels' to @nowhere, which is no gpu.binary with a launch record in this module}}
  %o, %l = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(16) window(16) {tile.kernels = @nowhere}
      : tensor<1x4x?x64xbf16>, tensor<1x4x?x64xbf16>, tensor<1x4x?x64xbf16>, tensor<1x1x?xf32>, tensor<1x1x?xf32>, tensor<1x1x?xi32>
  return
}

// -----

// expected-error@+1 {{the name 'sparsek_release_kernel' is taken by something other than the function of the runtime}}
func.func private @sparsek_release_kernel()
gpu.binary @kernels {sparsek.launch_record = {}} [#gpu.object<#nvvm.target, bin = "1">]

// -----

// expected-error@+1 {{the name 'sparsek_launch_attention_bf16' is taken by something other than the function of the runtime}}
func.func private @sparsek_launch_attention_bf16()
gpu.binary @kernels {sparsek.launch_record = {}} [#gpu.object<#nvvm.target, bin = "1">]
func.func @f(%q: tensor<1x4x?x64xbf16>, %u: tensor<1x1x?xf32>, %e: tensor<1x1x?xi32>) {
  %o, %l = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(16) window(16) {tile.kernels = @kernels}
      : tensor<1x4x?x64xbf16>, tensor<1x4x?x64xbf16>, tensor<1x4x?x64xbf16>, tensor<1x1x?xf32>, tensor<1x1x?xf32>, tensor<1x1x?xi32>
  return
}

// -----

func.func @no_selection(%u: tensor<1x1x?xf32>) {
  // expected-error@+1 {{refers by 'tile.kernels' to @nowhere, which is no gpu.binary with a launch record in this module}}
  %tau, %expiry = sparsek.topk_mask %u topk(16) window(16) {tile.kernels = @nowhere} : tensor<1x1x?xf32>
  return
}

// -----

// expected-error@+1 {{the name 'sparsek_launch_selection' is taken by something other than the function of the runtime}}
func.func private @sparsek_launch_selection()
gpu.binary @kernels {sparsek.launch_record = {}} [#gpu.object<#nvvm.target, bin = "1">]
func.func @g(%u: tensor<1x1x?xf32>) {
  %tau, %expiry = sparsek.topk_mask %u topk(16) window(16) {tile.kernels = @kernels} : tensor<1x1x?xf32>
  return
}

// -----

func.func @no_score(%x: tensor<1x?x64xbf16>, %w: tensor<64x2xbf16>) {
  // expected-error@+1 {{refers by 'tile.kernels' to @nowhere, which is no gpu.binary with a launch record in this module}}
  %u = sparsek.score %x, %w {tile.kernels = @nowhere} : tensor<1x?x64xbf16>, tensor<64x2xbf16>
  return
}

// -----

// expected-error@+1 {{the name 'sparsek_launch_score_bf16_f32' is taken by something other than the function of the runtime}}
func.func private @sparsek_launch_score_bf16_f32()
gpu.binary @kernels {sparsek.launch_record = {}} [#gpu.object<#nvvm.target, bin = "1">]
func.func @h(%x: tensor<1x?x64xbf16>, %w: tensor<64x2xf32>) {
  %u = sparsek.score %x, %w {tile.kernels = @kernels} : tensor<1x?x64xbf16>, tensor<64x2xf32>
  return
}
