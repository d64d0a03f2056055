//===- Passes.td - Passes on no dialect in particular ------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TRANSFORMS_PASSES
#define SPARSEK_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def SparsekDecomposeAggregatesPass : Pass<"sparsek-decompose-aggregates"> {
  let summary = "split linalg ops that stand for several loops, such as linalg.softmax";
  let description = [{
    Ops with linalg's aggregated-op interface have no single loop nest, so
    neither fusion nor the conversion to loops knows them. They are replaced by
    the structured ops that they stand for.

    ```mlir
    %1 = linalg.softmax dimension(1) ins(%x : tensor<4x8xf32>) outs(%0 : tensor<4x8xf32>) -> tensor<4x8xf32>
    // becomes linalg.generic ops: the maximum, exp(x - maximum), the sum and the quotient
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def SparsekDeviceBuffersPass : Pass<"sparsek-device-buffers", "::mlir::func::FuncOp"> {
  let summary = "allocations, copies and constants in the memory of the device";
  let description = [{
    Every buffer of the function lies in the memory of the device from here on,
    its arguments and results included: allocations, deallocations and copies
    of contiguous buffers become those of the gpu dialect. Constants, which are
    in host memory, are copied when the function starts and freed when it
    returns. The attribute `sparsek.device_memory` on the function tells callers.

    Run it when the parallel loops are the later kernels and all that touches
    elements is inside of them (`sparsek-offload-scalar-code`). An allocation in
    a parallel loop is an error.

    ```mlir
    %0 = memref.alloc(%n) : memref<?xf32>
    memref.copy %x, %0 : memref<?xf32> to memref<?xf32>
    // becomes
    %0 = gpu.alloc (%n) : memref<?xf32>
    gpu.memcpy %0, %x : memref<?xf32>, memref<?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect"];
}

def SparsekExpandCopiesPass : Pass<"sparsek-expand-copies"> {
  let summary = "copies between strided buffers as linalg";
  let description = [{
    The conversion to LLVM turns a `memref.copy` of contiguous buffers into
    memcpy and any other one into a call of a runtime library. This pass makes
    `linalg.generic` ops of the latter: the compiled module then needs no
    library, and the copy is optimised like other loops. Copies of buffers with
    the identity layout and of unranked ones stay.

    ```mlir
    memref.copy %a, %b : memref<4x4xf32, strided<[8, 1]>> to memref<4x4xf32>
    // becomes
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%a : memref<4x4xf32, strided<[8, 1]>>) outs(%b : memref<4x4xf32>) { yields its input }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def SparsekExpandDeviceMathPass : Pass<"sparsek-expand-device-math"> {
  let summary = "math functions as arithmetic, for devices without a math library";
  let description = [{
    Replaces math functions by upstream's polynomial approximations in f32, so
    that the kernels link with no library of device functions. What has an
    instruction on every chip (absolute values, square roots, fused
    multiply-add, rounding to integers) becomes an intrinsic of LLVM, which the
    conversion to NVVM leaves alone. Any other function that is left, such as
    `math.exp` in f64, is an error at its op.

    ```mlir
    %y = math.exp %x : f32
    // becomes 2^n times a polynomial of the rest of x, with
    %n = llvm.call_intrinsic "llvm.floor.f32"(%0) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def SparsekExpandF64Pass : Pass<"sparsek-expand-f64", "::mlir::func::FuncOp"> {
  let summary = "f64 in kernels by integer instructions, for compilers that make f64 f32";
  let description = [{
    In functions that take buffers, values of type f64 become their bits, i64,
    and arithmetic on them (sums, differences, products, quotients, square
    roots, comparisons, conversions from integers and from and to f32) becomes
    that of integers. Results are the same bit for bit, with subnormal numbers,
    signed zeros and infinities; only the bits of a NaN are always
    `0x7FF8000000000000`. A sum takes some 40 instructions, a quotient five
    divisions of 64 bits, a square root a loop of 54 iterations.

    Arguments, elements of buffers, and what other functions are called with
    keep their types: there an `arith.bitcast` stands. Any other op on f64 is an
    error. Functions without buffers stay as they are.

    ```mlir
    %w = arith.extf %x : f32 to f64
    %less = arith.cmpf olt, %w, %tau : f64
    // becomes, with %tau : i64
    %b = arith.bitcast %x : f32 to i32
    %e = arith.extui %b : i32 to i64
    ...
    %order = arith.cmpi slt, %13, %16 : i64
    %less = arith.andi %ordered, %order : i1
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect"];
}

def SparsekFlattenParallelLoopsPass : Pass<"sparsek-flatten-parallel-loops"> {
  let summary = "parallel loops of one dimension that have iterations";
  let description = [{
    A grid of a GPU has few dimensions, the later ones short, and must not be
    empty. Every outermost `scf.parallel` becomes one of a single dimension,
    which runs from 0 in steps of 1, under an `scf.if` where it may have no
    iterations. Parallel loops inside of it become `scf.for` loops. A parallel
    loop with results is an error.

    ```mlir
    scf.parallel (%i, %j) = (%c0, %c0) to (%c4, %n) step (%c1, %c1) { ... }
    // becomes
    %some = arith.cmpi slt, %c0, %n : index
    scf.if %some {
      %count = arith.muli %n, %c4 : index
      scf.parallel (%k) = (%c0) to (%count) step (%c1) {
        %j = arith.remsi %k, %n : index
        %i = arith.divsi %k, %n : index
        ...
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def SparsekFuseLinalgPass : Pass<"sparsek-fuse-linalg"> {
  let summary = "fuse elementwise linalg on tensors, and transposes into contractions";
  let description = [{
    Upstream's fusion of elementwise `linalg.generic` ops, kept to cases that
    save memory traffic and repeat no costly work: the producer has one user,
    which reads each element once, or the producer neither divides nor calls a
    math function. Nothing is fused into contractions, which have a lowering of
    their own. A `linalg.transpose` that feeds a contraction disappears into its
    indexing map; packing reads the operand in any order.

    ```mlir
    %t = linalg.transpose ins(%w : tensor<8x4xf32>) outs(%e : tensor<4x8xf32>) permutation = [1, 0]
    %y = linalg.matmul ins(%x, %t : tensor<?x4xf32>, tensor<4x8xf32>) outs(%0 : tensor<?x8xf32>) -> tensor<?x8xf32>
    // becomes
    %y = linalg.generic {indexing_maps = [(m, n, k) -> (m, k), (m, n, k) -> (n, k), (m, n, k) -> (m, n)], ...}
        ins(%x, %w : tensor<?x4xf32>, tensor<8x4xf32>) outs(%0 : tensor<?x8xf32>) { mulf, addf }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def SparsekLowerContractionsPass : Pass<"sparsek-lower-contractions"> {
  let summary = "matrix products on buffers to packed, tiled vector code for a CPU";
  let description = [{
    Replaces every linalg op on buffers that is a contraction of floats: matmul,
    batch_matmul, and generics with any order of dimensions (transposed
    operands, several batch, row or summed dimensions). The right operand is
    packed into panels of `vector-lanes * tile-vectors` columns; each task packs
    a block of rows of the left one and computes register tiles of `tile-rows`
    rows and one panel with `vector.fma`. Sizes may be dynamic: packing fills
    the last panel and the last tile up, and only what lies inside the result is
    written. Tasks run in an `scf.parallel`.

    f16 and bf16 operands are widened to f32 when they are packed, and sums are
    kept in f32 (f64 for a result in f64) until they are added to the result.
    Products are summed in the order of the summed dimension, from 0.

    Left as they are: integers, products without a row, a column or a summed
    dimension, and results whose last dimension is not contiguous, or belongs
    to both operands.

    ```mlir
    linalg.matmul ins(%a, %b : memref<?x512xf32>, memref<512x256xf32>) outs(%c : memref<?x256xf32>)
    // becomes
    %panels = memref.alloc(...) : memref<?x?x32xf32>
    scf.parallel (%panel) = ... { pack 32 columns of %b }
    scf.parallel (%block, %chunk) = ... {
      pack up to 120 rows of %a; for each panel of the chunk and each 12 rows of the block:
      %tile:24 = scf.for %k = %c0 to %c512 step %c1 iter_args(...) {
        vector.load, memref.load, vector.broadcast, vector.fma
      }
      vector.transfer_read, arith.addf, vector.transfer_write
    }
    ```
  }];
  let options = [
    Option<"vectorLanes", "vector-lanes", "int64_t", /*default=*/"16",
           "f32 lanes of a vector: 16 for AVX-512, 8 for AVX2">,
    Option<"tileVectors", "tile-vectors", "int64_t", /*default=*/"2",
           "Vectors in a row of a register tile">,
    Option<"tileRows", "tile-rows", "int64_t", /*default=*/"12",
           "Rows of a register tile: 12 for AVX-512, 6 for AVX2">,
    Option<"blockRows", "block-rows", "int64_t", /*default=*/"120",
           "Rows of a task at most; rounded up to whole tiles">,
    Option<"minTasks", "min-tasks", "int64_t", /*default=*/"16",
           "Split the columns where there would be fewer tasks">,
    Option<"parallel", "parallel", "bool", /*default=*/"true",
           "Emit scf.parallel over tasks">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def SparsekLowerRuntimeChecksPass : Pass<"sparsek-lower-runtime-checks", "::mlir::ModuleOp"> {
  let summary = "make failing checks call a function of the host instead of aborting";
  let description = [{
    The conversion to LLVM turns `cf.assert` into a call of `abort`. This pass
    makes it a branch to a call of `sparsek_runtime_check_failed`, which gets
    the message as a zero-terminated string and must not return. The execution
    engine of this project defines that function and hands the message to its
    caller as an error; another host defines its own.

    Regions that hold one block, such as the body of `scf.for`, have no place
    for the branch: convert scf to cf first, or the pass fails.

    ```mlir
    cf.assert %same, "N differs"
    // becomes
      cf.cond_br %same, ^bb2, ^bb1
    ^bb1:
      %message = llvm.mlir.addressof @sparsek_runtime_check_message : !llvm.ptr
      llvm.call @sparsek_runtime_check_failed(%message) : (!llvm.ptr) -> ()
      llvm.unreachable
    ^bb2:
    ```
  }];
  let dependentDialects = ["::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect"];
}

def SparsekOffloadScalarCodePass : Pass<"sparsek-offload-scalar-code", "::mlir::func::FuncOp"> {
  let summary = "loads and stores outside of parallel loops as loops of one iteration";
  let description = [{
    Parallel loops become kernels, and what lies outside of them runs on the
    host, which must not touch the memory of the device. Each run of consecutive
    ops that load, store or compute with what was loaded, loops included, moves
    into an `scf.parallel` of one iteration. Scalars that later ops need are
    stored to a buffer of the device and read from a copy of it.

    Allocations, copies, calls and `cf.assert` stay on the host, as does the
    control flow around them. Any other op outside of a parallel loop that
    touches memory is an error. Lower linalg to loops first; canonicalization
    afterwards would dissolve loops of one iteration.

    ```mlir
    %x = memref.load %m[%i] : memref<?xi32>
    "use"(%x)
    // becomes
    %copy = memref.alloca() : memref<1xi32>
    %result = gpu.alloc () : memref<1xi32>
    scf.parallel (%one) = (%c0) to (%c1) step (%c1) {
      %0 = memref.load %m[%i] : memref<?xi32>
      memref.store %0, %result[%c0] : memref<1xi32>
    }
    gpu.memcpy %copy, %result : memref<1xi32>, memref<1xi32>
    gpu.dealloc %result : memref<1xi32>
    %x = memref.load %copy[%c0] : memref<1xi32>
    "use"(%x)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def SparsekParallelizeLinalgPass : Pass<"sparsek-parallelize-linalg"> {
  let summary = "tile linalg on buffers into parallel loops";
  let description = [{
    Tiles every linalg op on buffers with upstream's tiling: up to two leading
    parallel loops become an `scf.parallel` and the rest stays one linalg op on
    subviews. The last loop is kept whole, so that it can be vectorised; an op
    with a single loop is cut into runs of `min-work` elements. Ops of fewer
    elements than `min-work`, those without a leading parallel loop, and those
    in a parallel loop already are left alone.

    ```mlir
    linalg.generic {iterator_types = ["parallel", "parallel"], ...} ins(%a : memref<?x512xf32>) ...
    // becomes
    scf.parallel (%i) = (%c0) to (%n) step (%c1) {
      %row = memref.subview %a[%i, 0] [1, 512] [1, 1] : ...
      linalg.generic {iterator_types = ["parallel", "parallel"], ...} ins(%row : ...) ...
    }
    ```
  }];
  let options = [
    Option<"minWork", "min-work", "int64_t", /*default=*/"16384",
           "Elements below which an op is not worth a parallel loop; a dynamic "
           "size is taken for large">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def SparsekProtectArgumentsPass : Pass<"sparsek-protect-arguments", "::mlir::ModuleOp"> {
  let summary = "keep bufferization from writing into the arguments of public functions";
  let description = [{
    One-shot bufferization takes it that a function may overwrite the buffers
    of its tensor arguments. Callers outside the module pass arrays that they
    go on using, so this pass marks the tensor arguments of public functions
    that have a body as read-only. A `bufferization.writable` that is already
    there stays. Run it before `one-shot-bufferize`.

    ```mlir
    func.func @f(%x: tensor<4xf32>, %n: index) -> tensor<4xf32>
    // becomes
    func.func @f(%x: tensor<4xf32> {bufferization.writable = false}, %n: index) -> tensor<4xf32>
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def SparsekReductionsInnermostPass : Pass<"sparsek-reductions-innermost"> {
  let summary = "order the loops of linalg.generic: parallel ones first";
  let description = [{
    The conversion of linalg to parallel loops keeps the order of the
    dimensions; a parallel one inside of a reduction would be lost to a GPU,
    where one nest of parallel loops is one kernel. Neither kind changes its
    order among itself, so sums are formed as before.

    ```mlir
    linalg.generic {indexing_maps = [(i, k, j) -> (i, k), (i, k, j) -> (k, j), (i, k, j) -> (i, j)],
                    iterator_types = ["parallel", "reduction", "parallel"]}
    // becomes
    linalg.generic {indexing_maps = [(i, j, k) -> (i, k), (i, j, k) -> (k, j), (i, j, k) -> (i, j)],
                    iterator_types = ["parallel", "parallel", "reduction"]}
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect"];
}

def SparsekSerializeKernelsPass : Pass<"sparsek-serialize-kernels", "::mlir::ModuleOp"> {
  let summary = "gpu.modules to gpu.binary, with their launch records";
  let description = [{
    Runs LLVM's code generator for the target of every gpu.module, as
    `gpu-module-to-binary` does, and keeps the attributes `sparsek.*` of the
    module, such as its `sparsek.launch_record`, on the binary. `ptx` is text that the driver compiles when it is
    loaded; `cubin` and `fatbin` need `ptxas` of the CUDA toolkit, which is
    looked for in `toolkit`, in the environment (CUDA_ROOT, CUDA_HOME,
    CUDA_PATH) and on PATH.

    ```mlir
    gpu.module @kernels [#nvvm.target<chip = "sm_90a">] attributes {sparsek.launch_record = {...}} { llvm.func @f() ... }
    // becomes
    gpu.binary @kernels {sparsek.launch_record = {...}} [#gpu.object<#nvvm.target<chip = "sm_90a">, assembly = "...">]
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect"];
  let options = [
    Option<"format", "format", "std::string", "\"ptx\"", "ptx, cubin, fatbin, or llvm (bitcode)">,
    Option<"toolkit", "toolkit", "std::string", "\"\"", "folder of the CUDA toolkit">,
    Option<"ptxasOptions", "ptxas-options", "std::string", "\"\"", "further options of ptxas">];
}

def SparsekVerifyLoweredPass : Pass<"sparsek-verify-lowered", "::mlir::ModuleOp"> {
  let summary = "check that nothing but the LLVM dialect is left";
  let description = [{
    Conversions to LLVM leave ops that they do not know. OpenMP ops and the
    binaries and launches of the gpu dialect, which the translation to LLVM IR
    knows, are meant to be left. This pass reports
    those by name, instead of the translation to LLVM IR that would fail on
    them later. It changes nothing.
  }];
}

#endif // SPARSEK_TRANSFORMS_PASSES
