// RUN: sparsek-opt %s --sparsek-emit-iree=cuda --allow-unregistered-dialect | FileCheck %s

!q = tensor<1x4x256x64xbf16>
!k = tensor<1x2x256x64xbf16>
!u = tensor<1x2x256xf32>
!e = tensor<1x2x256xi32>

// Ops that agree share a function. Nothing of ours is left.

// CHECK-NOT:   sparsek.
// CHECK-LABEL: func.func @two_layers(
// CHECK:         %[[S1:.*]]:2 = call @sparsek_topk_mask(%{{.*}}) : (tensor<1x2x256xf32>) -> (tensor<1x2x256xf32>, tensor<1x2x256xi32>)
// CHECK:         %[[O1:.*]]:2 = call @sparsek_gathered_attention(%{{.*}}, %[[S1]]#0, %[[S1]]#1)
// CHECK:         %[[S2:.*]]:2 = call @sparsek_topk_mask(
// CHECK:         call @sparsek_gathered_attention(%[[O1]]#0,
func.func @two_layers(%q: !q, %k: !k, %u: !u, %u2: !u) -> !q {
  %o1, %l1 = sparsek.attention %q, %k, %k, %u topk(16) window(16) : !q, !k, !k, !u
  %o2, %l2 = sparsek.attention %o1, %k, %k, %u2 topk(16) window(16) : !q, !k, !k, !u
  return %o2 : !q
}

// CHECK-LABEL: func.func @dynamic(
// CHECK:         call @sparsek_topk_mask_0(
func.func @dynamic(%u: tensor<1x2x?xf32>) -> tensor<1x2x?xf32> {
  %t, %e = sparsek.topk_mask %u topk(16) window(16) : tensor<1x2x?xf32>
  return %t : tensor<1x2x?xf32>
}

// In a function of IREE's, the call and the private function are IREE's, too.

// CHECK-LABEL: "util.func"() <{function_type = (tensor<1x2x256xf32>) -> tensor<1x2x256xf32>, sym_name = "other"}>
// CHECK:         "util.call"(%{{.*}}) <{callee = @sparsek_topk_mask_{{[0-9]+}}}>
// CHECK:         "util.return"
"util.func"() <{function_type = (!u) -> !u, sym_name = "other"}> ({
^bb0(%u: !u):
  %t, %e = sparsek.topk_mask %u topk(16) window(16) : !u
  "util.return"(%t) : (!u) -> ()
}) : () -> ()

// Known sizes: the launches that 256 keys need, with constants.

// CHECK-LABEL: func.func private @sparsek_topk_mask(
// CHECK-NOT:     cf.assert
// CHECK:         tensor.empty() : tensor<{{[0-9]+}}xi8>
// CHECK:         "hal.dispatch.extern"(%c1, %c2,
// CHECK-SAME:      export_name = "sort_tiles"
// CHECK-SAME:      layout = #hal.pipeline.layout<constants = 11, bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>]>
// CHECK-SAME:      path = "topk_mask_0_sort_tiles.ptx", data = "
// CHECK-SAME:      targets = [#hal.executable.target<"cuda", "cuda-nvptx-fb", {target_arch = "sm_90a"}>]
// CHECK-SAME:      tied_operands = [12 : index]
// CHECK-SAME:      workgroup_local_memory = 17440 : index, workgroup_size = [256 : index, 1 : index, 1 : index]
// CHECK:           "hal.return"(
// CHECK:         export_name = "rank_table"
// CHECK:         export_name = "boundaries_128"
// CHECK:         export_name = "rank_scan"
// CHECK:         export_name = "thresholds_32"
// CHECK:         export_name = "expiries"
// CHECK-NOT:     hal.dispatch.extern
// CHECK:         return

// CHECK-LABEL: func.func private @sparsek_gathered_attention(
// CHECK:         %[[O:.*]] = tensor.empty() : tensor<1x4x256x64xbf16>
// CHECK:         %[[W:.*]] = "hal.dispatch.extern"({{.*}}export_name = "survivors"
// CHECK:         "hal.dispatch.extern"({{.*}}%[[O]]{{.*}}%[[W]]{{.*}}export_name = "attention"

// Sizes that are known later: all launches that may be needed, the grids and
// constants by arithmetic, the limits asserted.

// CHECK-LABEL: func.func private @sparsek_topk_mask_0(
// CHECK-DAG:     %[[MOST:.*]] = arith.constant 1048576 : index
// CHECK-DAG:     %[[MERGED:.*]] = arith.constant 16384 : index
// CHECK:         %[[N:.*]] = tensor.dim
// CHECK:         %[[FITS:.*]] = arith.cmpi sle, %[[N]], %[[MOST]] : index
// CHECK:         arith.cmpi sle, %[[N]], %[[MERGED]] : index
// CHECK:         cf.assert %[[FITS]], "'sparsek.topk_mask' op kernels select from at most N = 1048576 keys"
// CHECK:         tensor.empty(%{{.*}}) : tensor<?xi8>
// CHECK-COUNT-8: export_name = "{{count|scatter}}_{{scores|digits}}"
// CHECK:         export_name = "sort_tiles"
// CHECK-COUNT-2: export_name = "merge_lists"
// CHECK-COUNT-3: export_name = "boundaries_
// CHECK-COUNT-3: export_name = "thresholds_
// CHECK:         export_name = "expiries"
