// RUN: sparsek-opt %s --loop-invariant-code-motion | FileCheck %s
// RUN: sparsek-opt %s --inline --cse | FileCheck %s --check-prefix=MERGED

// Sizes that the verifier could not compare are checked when the op runs, so such an op must not run where it did not before.

// CHECK-LABEL: func @static
// CHECK:         sparsek.score
// CHECK:         sparsek.topk_mask
// CHECK:         sparsek.attention
// CHECK:         sparsek.causal_attention
// CHECK:         sparsek.gathered_attention
// CHECK:         scf.for
func.func @static(%n: index, %x: tensor<1x16x4xf32>, %w: tensor<4x4xf32>, %q: tensor<1x4x16x64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %u = sparsek.score %x, %w : tensor<1x16x4xf32>, tensor<4x4xf32>
    %t, %e = sparsek.topk_mask %u topk(1) window(1) : tensor<1x4x16xf32>
    %0:2 = sparsek.attention %q, %q, %q, %u topk(1) window(1)
        : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
    %1:2 = sparsek.causal_attention %q, %q, %q : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>
    %2:2 = sparsek.gathered_attention %q, %q, %q, %u, %t, %e topk(1) window(1)
        : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xi32>
    func.call @use(%0#0, %1#0, %2#0) : (tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>) -> ()
  }
  return
}

// One operand decides alone where nothing is to be compared.
// CHECK-LABEL: func @dynamic_selection
// CHECK:         sparsek.score
// CHECK:         sparsek.topk_mask
// CHECK:         scf.for
func.func @dynamic_selection(%n: index, %x: tensor<?x?x4xf32>, %w: tensor<4x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %u = sparsek.score %x, %w : tensor<?x?x4xf32>, tensor<4x4xf32>
    %t, %e = sparsek.topk_mask %u topk(1) window(1) : tensor<?x4x?xf32>
    func.call @use_selection(%t, %e) : (tensor<?x4x?xf32>, tensor<?x4x?xi32>) -> ()
  }
  return
}

// CHECK-LABEL: func @dynamic_attention
// CHECK:         scf.for
// CHECK:         sparsek.attention
// CHECK:         sparsek.causal_attention
// CHECK:         sparsek.gathered_attention
func.func @dynamic_attention(%n: index, %q: tensor<1x4x?x64xf32>, %k: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>, %e: tensor<1x4x16xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %0:2 = sparsek.attention %q, %k, %k, %u topk(1) window(1)
        : tensor<1x4x?x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
    %1:2 = sparsek.causal_attention %q, %k, %k : tensor<1x4x?x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>
    %2:2 = sparsek.gathered_attention %q, %k, %k, %u, %u, %e topk(1) window(1)
        : tensor<1x4x?x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xi32>
    func.call @use_dynamic(%0#0, %1#0, %2#0) : (tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>) -> ()
  }
  return
}

// The contents of cu_seqlens are checked at run time (S4), and so are the sizes of carried statistics.
// CHECK-LABEL: func @checked_by_value
// CHECK:         scf.for
// CHECK:         sparsek.topk_mask
// CHECK:         sparsek.causal_attention
// CHECK:         sparsek.score
func.func @checked_by_value(%n: index, %q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>, %cu: tensor<3xi32>, %x: tensor<?x16x4xf32>,
                            %w: tensor<4x4xf32>, %s: tensor<?x4x3xf64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %t, %e = sparsek.topk_mask %u topk(1) window(1) cu_seqlens(%cu) : tensor<1x4x16xf32>, tensor<3xi32>
    %1:2 = sparsek.causal_attention %q, %q, %q cu_seqlens(%cu)
        : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<3xi32>
    %2 = sparsek.score %x, %w norm<timestep> statistics(%s) : tensor<?x16x4xf32>, tensor<4x4xf32>, tensor<?x4x3xf64>
    func.call @use_checked(%t, %1#0, %2) : (tensor<1x4x16xf32>, tensor<1x4x16x64xf32>, tensor<?x4x16xf32>) -> ()
  }
  return
}

func.func private @use(tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>)
func.func private @use_selection(tensor<?x4x?xf32>, tensor<?x4x?xi32>)
func.func private @use_dynamic(tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>)
func.func private @use_checked(tensor<1x4x16xf32>, tensor<1x4x16x64xf32>, tensor<?x4x16xf32>)

// The ops may be inlined, and equal ones merge.
func.func private @callee(%u: tensor<1x4x16xf32>) -> tensor<1x4x16xf32> {
  %t, %e = sparsek.topk_mask %u topk(1) window(1) : tensor<1x4x16xf32>
  return %t : tensor<1x4x16xf32>
}
// MERGED-LABEL: func @caller
// MERGED:         %[[T:.*]], %{{.*}} = sparsek.topk_mask
// MERGED-NEXT:    return %[[T]], %[[T]]
func.func @caller(%u: tensor<1x4x16xf32>) -> (tensor<1x4x16xf32>, tensor<1x4x16xf32>) {
  %0 = call @callee(%u) : (tensor<1x4x16xf32>) -> tensor<1x4x16xf32>
  %1 = call @callee(%u) : (tensor<1x4x16xf32>) -> tensor<1x4x16xf32>
  return %0, %1 : tensor<1x4x16xf32>, tensor<1x4x16xf32>
}
