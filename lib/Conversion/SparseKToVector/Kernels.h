//===- Kernels.h - The kernels behind the ops -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Every kernel is a private function on memrefs. Head sizes, element types and
// the choice of features are compiled in and make up its name; lengths,
// budgets and strides are arguments.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOVECTOR_KERNELS_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOVECTOR_KERNELS_H

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace sparsek {

/// How kernels use the machine; see the pass options of the same names.
struct KernelShape {
  int64_t lanes;        // f32 lanes of a vector
  int64_t panelVectors; // vectors of query rows that a register tile covers
  int64_t microRows;    // keys, or value columns, that a register tile covers
  int64_t keyBlock;     // keys copied and attended to at a time
  int64_t tileRows;     // query rows of a tile
  bool parallel;

  int64_t panelRows() const { return lanes * panelVectors; }
};

/// What is compiled into an attention kernel. Its function takes
/// (q, k, v, [u, tau, expiry], [sink], [cu_seqlens], o, lse, scale, [topk,
/// window]).
struct AttentionKernel {
  mlir::Type element;
  int64_t headSize;
  int64_t valueSize;
  int64_t group;            // query heads of a KV head
  std::optional<Gate> gate; // none: dense causal attention
  bool sink;
  bool packed;

  bool isSparse() const { return gate.has_value(); }
  std::string name() const;
  mlir::SmallVector<mlir::Type> argumentTypes() const;
  void buildBody(mlir::func::FuncOp function, const KernelShape &shape) const;
};

/// (u, [cu_seqlens], tau, expiry, [interior], topk, window)
struct SelectionKernel {
  bool interior;
  bool packed;

  std::string name() const;
  mlir::SmallVector<mlir::Type> argumentTypes(mlir::MLIRContext *context) const;
  void buildBody(mlir::func::FuncOp function, const KernelShape &shape) const;
};

/// (x, W, [statistics], u, [carried], slope, offset)
struct ScoreKernel {
  mlir::Type element;
  mlir::Type weightElement;
  int64_t featureSize;
  int64_t heads;
  Norm norm;
  bool statistics;
  bool carry;

  std::string name() const;
  mlir::SmallVector<mlir::Type> argumentTypes() const;
  void buildBody(mlir::func::FuncOp function, const KernelShape &shape) const;
};

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOVECTOR_KERNELS_H
