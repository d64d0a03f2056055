// RUN: sparsek-opt %s --convert-sparsek-to-tile --split-input-file --verify-diagnostics | FileCheck %s
// RUN: sparsek-opt %s --convert-sparsek-to-tile=chip=sm_75 --split-input-file 2>&1 | FileCheck %s --check-prefix=CHIP

// CHECK-NOT: tile.kernel
// CHIP: remark: left as it is: there are tile programs for sm_80, sm_86, sm_87, sm_89, sm_90, sm_90a, sm_100, sm_103, sm_120, sm_121, not for sm_75
// CHIP-NOT: tile.kernel

!u = tensor<1x1x?xf32>
!e = tensor<1x1x?xi32>
func.func @f32(%q: tensor<1x4x?x64xf32>, %u: !u, %e: !e) {
  // expected-remark@+1 {{left as it is: tile programs take bf16 and f16, not f32}}
  %o, %l = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(16) window(16)
      : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, !u, !u, !e
  return
}

// -----

!u = tensor<1x1x?xf32>
!e = tensor<1x1x?xi32>
func.func @head_size(%q: tensor<1x4x?x20xbf16>, %v: tensor<1x4x?x64xbf16>, %u: !u, %e: !e) {
  // expected-remark@+1 {{left as it is: tile programs take D as a multiple of 8 up to 256, not 20}}
  %o, %l = sparsek.gathered_attention %q, %q, %v, %u, %u, %e topk(16) window(16)
      : tensor<1x4x?x20xbf16>, tensor<1x4x?x20xbf16>, tensor<1x4x?x64xbf16>, !u, !u, !e
  return
}

// -----

!u = tensor<1x1x?xf32>
!e = tensor<1x1x?xi32>
func.func @value_size(%q: tensor<1x4x?x64xbf16>, %v: tensor<1x4x?x264xbf16>, %u: !u, %e: !e) {
  // expected-remark@+1 {{left as it is: tile programs take Dv as a multiple of 8 up to 256, not 264}}
  %o, %l = sparsek.gathered_attention %q, %q, %v, %u, %u, %e topk(16) window(16)
      : tensor<1x4x?x64xbf16>, tensor<1x4x?x64xbf16>, tensor<1x4x?x264xbf16>, !u, !u, !e
  return
}
