// RUN: sparsek-opt %s --sparsek-emit-iree="llvm-cpu vector-lanes=8 native-f64" | FileCheck %s
// RUN: sparsek-opt %s --sparsek-emit-iree="llvm-cpu vector-lanes=8" | FileCheck %s --check-prefix=STOCK

// Nothing that iree-compile would make f32.
// STOCK-NOT: f64

// A dispatch with a grid of its own: a word for every size, scalars as words,
// then bytes of scratch of a workgroup, and a constant of the kernel's.

// CHECK-NOT:   sparsek.topk_mask
// CHECK-LABEL: func.func @select(
// CHECK-SAME:    %[[U:.*]]: tensor<1x2x?xf32>)
// CHECK-DAG:     %[[C2:.*]] = arith.constant 2 : index
// CHECK:         %[[N:.*]] = tensor.dim %[[U]], %[[C2]] : tensor<1x2x?xf32>
// CHECK:         %[[R:.*]]:3 = "flow.dispatch"(%[[C2]], {{.*}}%[[U]], {{.*}}) <{entry_points = [@sparsek_topk_mask::@sparsek_topk_mask], operandSegmentSizes = array<i32: 1, 18, 1, 3>, tied_operands = [-1 : index, -1 : index, -1 : index]}>
// CHECK-SAME:      -> (tensor<1x2x?xf32>, tensor<1x2x?xi32>, tensor<?xi8>)
// CHECK:         return %[[R]]#0, %[[R]]#1

// CHECK:       "hal.executable.source"() <{sym_name = "sparsek_topk_mask", sym_visibility = "private"}> ({
// CHECK-NEXT:    "hal.executable.export"() <{layout = #hal.pipeline.layout<constants = 17, bindings = [#hal.pipeline.binding<storage_buffer>, {{.*}}]>, ordinal = 0 : index, sym_name = "sparsek_topk_mask", sym_visibility = "public"}> ({
// CHECK-NEXT:    ^bb0(%{{.*}}: !hal.device, %[[COUNT:.*]]: index):
// CHECK:           "hal.return"(%[[COUNT]],
// CHECK:         builtin.module {
// CHECK-NEXT:      func.func @sparsek_topk_mask() {
// CHECK:             "hal.interface.constant.load"() <{layout = {{.*}}, ordinal = 0 : index}> : () -> i32
// CHECK:             "hal.interface.binding.subspan"({{.*}}) <{alignment = 64 : index, binding = 0 : index, {{.*}}}> : (index, index, index, index) -> memref<?x?x?xf32>
// CHECK:             arith.bitcast %{{.*}} : i64 to f64
// CHECK:             %[[ID:.*]] = "hal.interface.workgroup.id"() <{dimension = 0 : index}> : () -> index
// CHECK:             %[[COUNT:.*]] = "hal.interface.workgroup.count"() <{dimension = 0 : index}> : () -> index
// CHECK:             scf.for %{{.*}} = %[[ID]] to %{{.*}} step %[[COUNT]] {
// CHECK-NOT:         memref.alloc
// CHECK:               memref.view
// CHECK-NOT:         memref.dealloc
// CHECK:         "hal.executable.source_end"()
func.func @select(%u: tensor<1x2x?xf32>) -> (tensor<1x2x?xf32>, tensor<1x2x?xi32>) {
  %t, %e = sparsek.topk_mask %u topk(16) window(16) : tensor<1x2x?xf32>
  return %t, %e : tensor<1x2x?xf32>, tensor<1x2x?xi32>
}

// Two loops, two dispatches: the second changes what the first has written.

// CHECK: "hal.executable.source"() <{sym_name = "sparsek_score_
// CHECK: sym_name = "sparsek_score_f32_c16_h2_timestep"
// CHECK: sym_name = "sparsek_score_f32_c16_h2_timestep_1"
func.func @score(%x: tensor<1x?x16xf32>, %w: tensor<16x2xf32>) -> tensor<1x2x?xf32> {
  %u = sparsek.score %x, %w norm<timestep> : tensor<1x?x16xf32>, tensor<16x2xf32>
  return %u : tensor<1x2x?xf32>
}
