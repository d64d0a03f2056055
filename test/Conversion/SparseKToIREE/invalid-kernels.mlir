// RUN: sparsek-opt %s --split-input-file --verify-diagnostics --convert-sparsek-to-iree

!u = tensor<1x1x64xf32>
func.func @missing(%u: !u) -> !u {
  // expected-error @below {{refers by 'tile.kernels' to @nothing, of which there are no entry points in this module}}
  %t, %e = sparsek.topk_mask %u topk(8) window(8) {tile.kernels = @nothing} : !u
  return %t : !u
}

// -----

// expected-error @below {{'sparsek.iree_entry_point' must be a dictionary with a symbol 'kernels', a string 'name' and a dictionary 'record'}}
gpu.binary @binary {sparsek.iree_entry_point = "none"} [#gpu.object<#nvvm.target, assembly = "">]

// -----

// expected-error @below {{launch record}}
gpu.binary @binary {sparsek.iree_entry_point = {kernels = @a, name = "b", record = {}}} [#gpu.object<#nvvm.target, assembly = "">]

// -----

#record = {version = 1, op = "score", chip = "sm_12", dtype = "bf16", weight_dtype = "bf16", features = 16, score_heads = 1, norm = "none",
           statistics = false, carry = false, rows_per_item = 64, statistic_positions = 256,
           kernels = [{name = "score", threads = 128, shared_bytes = 0, grid = "items", arguments = [{name = "q", type = "ptr"}]}]}
// expected-error @below {{the launch record is of 'sm_12'; there are kernels for sm_80}}
gpu.binary @binary {sparsek.iree_entry_point = {kernels = @a, name = "score", record = #record}} [#gpu.object<#nvvm.target, assembly = "">]

// -----

#record = {version = 1, op = "score", chip = "sm_80", dtype = "bf16", weight_dtype = "bf16", features = 16, score_heads = 1, norm = "none",
           statistics = false, carry = false, rows_per_item = 64, statistic_positions = 256,
           kernels = [{name = "score", threads = 128, shared_bytes = 0, grid = "items", arguments = [{name = "q", type = "ptr"}]}]}
// expected-error @below {{there is no gpu.binary for the entry point 'score' of the launch record}}
gpu.binary @binary {sparsek.iree_entry_point = {kernels = @a, name = "other", record = #record}} [#gpu.object<#nvvm.target, assembly = "">]

// -----

#record = {version = 1, op = "score", chip = "sm_80", dtype = "bf16", weight_dtype = "bf16", features = 16, score_heads = 1, norm = "none",
           statistics = false, carry = false, rows_per_item = 64, statistic_positions = 256,
           kernels = [{name = "score", threads = 128, shared_bytes = 0, grid = "items", arguments = [{name = "q", type = "ptr"}]}]}
gpu.binary @binary {sparsek.iree_entry_point = {kernels = @a, name = "score", record = #record}} [#gpu.object<#nvvm.target, assembly = "">]
func.func @other_operation(%u: tensor<1x1x64xf32>) -> tensor<1x1x64xf32> {
  // expected-error @below {{refers to kernels of 'score'}}
  %t, %e = sparsek.topk_mask %u topk(8) window(8) {tile.kernels = @a} : tensor<1x1x64xf32>
  return %t : tensor<1x1x64xf32>
}

// -----

#record = {version = 1, op = "score", chip = "sm_80", dtype = "bf16", weight_dtype = "bf16", features = 16, score_heads = 1, norm = "none",
           statistics = false, carry = false, rows_per_item = 64, statistic_positions = 256,
           kernels = [{name = "score", threads = 128, shared_bytes = 0, grid = "items", arguments = [{name = "q", type = "ptr"}]}]}
gpu.binary @binary {sparsek.iree_entry_point = {kernels = @a, name = "score", record = #record}} [#gpu.object<#nvvm.target, assembly = "">]
func.func @other_argument(%x: tensor<1x64x16xbf16>, %w: tensor<16x1xbf16>) -> tensor<1x1x64xf32> {
  // expected-error @below {{kernel 'score' takes 'q', which 'score' does not have here}}
  %u = sparsek.score %x, %w {tile.kernels = @a} : tensor<1x64x16xbf16>, tensor<16x1xbf16>
  return %u : tensor<1x1x64xf32>
}
