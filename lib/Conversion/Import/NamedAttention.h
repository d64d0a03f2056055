//===- NamedAttention.h - Attention known by its name -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the ops of other projects that are attention by definition have in
// common. Nothing of those projects is linked: an op is its name, its operands
// and its attributes.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_IMPORT_NAMEDATTENTION_H
#define SPARSEK_CONVERSION_IMPORT_NAMEDATTENTION_H

#include "../RaiseAttention/AttentionRewriter.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringSet.h"

namespace sparsek::importer {

/// The loops that index a dimension, outermost first: the index is a number
/// with them as its digits, and 0 without any.
using DimLoops = llvm::SmallVector<unsigned, 2>;

struct NamedOperand {
  mlir::Value value;
  /// The type, where `value` has one of another dialect.
  mlir::RankedTensorType type;
  llvm::SmallVector<DimLoops> dims;

  /// An operand of an op, if it is a tensor of known rank.
  static NamedOperand get(mlir::Operation *op, unsigned index);
  /// The same for tensors of torch-mlir, too.
  static NamedOperand getTorch(mlir::Operation *op, unsigned index);

  explicit operator bool() const { return type != nullptr; }
};

/// Keys and values of rank 4, [B, Hkv, N, D], which an op makes of what was
/// there before, if anything, and of its own.
struct KeyValueCache {
  NamedOperand pastKey, pastValue, key, value;
  /// The results of the op that are the whole cache.
  unsigned keyResult, valueResult;
};

/// Changes the logit of a query and a key; null if it cannot be read.
using LogitFunction = std::function<raise::ExprRef(
    raise::ExprContext &, raise::ElementEvaluator &,
    llvm::ArrayRef<raise::ExprRef> loops, raise::ExprRef logit)>;

struct NamedAttention {
  NamedOperand query, key, value, mask;
  /// Of the result only type and dimensions count.
  NamedOperand result;
  /// The size of each loop, dynamic where an operand has it.
  llvm::SmallVector<int64_t> loops;
  /// The loops over keys and, for `causal`, over queries.
  unsigned column = 0, row = 0;
  /// The loops that the product of query and key sums over.
  llvm::SmallVector<unsigned> inner;
  /// The loops over the batch, where the op says which they are.
  std::optional<llvm::SmallVector<unsigned>> batch;
  /// 1/sqrt(D) if absent.
  std::optional<double> scale;
  mlir::Value scaleOperand;
  LogitFunction modify;
  /// `key` and `value` are those of the cache.
  std::optional<KeyValueCache> cache;
  /// The op whose result is the attention's, where the named op is a part of
  /// it.
  mlir::Operation *root = nullptr;

  /// Query m sees the keys up to m.
  bool causal = false;
  /// How far a query sees to either side of its position.
  std::optional<int64_t> before, after;
  /// The queries are the last positions: query m is at m + (N - M). Otherwise
  /// it is at m, after what was there before.
  bool lastPositions = false;
  /// What the op itself says about the selection.
  std::optional<int64_t> window, topk;
  std::optional<Gate> gate;
  mlir::Value scores;
  /// Nothing but the window is visible.
  bool windowOnly = false;

  /// Completes the sizes of loops from the operands; the reason if they do not
  /// agree.
  std::string checkSizes();
  /// Operands and logits for the matcher; `root` has the result.
  bool read(mlir::Operation *root, raise::ExprContext &ctx,
            raise::ElementEvaluator &eval, raise::Attention &a,
            raise::Reason &reason, raise::ExprRef &logits) const;

  /// q[..., Hq, M, D], k[..., Hkv, N, D], v[..., Hkv, N, Dv]. The reason if
  /// the types are anything else.
  std::string useHeads(bool groups);
  /// q[B, M, Hq * D], k[B, N, Hkv * D], v[B, N, Hkv * Dv].
  std::string usePacked(int64_t queryHeads, int64_t keyHeads);
  /// A mask whose dimensions, from the right, are those of the logits or 1.
  /// After useHeads or usePacked.
  std::string useMask(NamedOperand operand);
  /// Makes `key` and `value` those of a cache. The reason if the types do not
  /// fit. After useHeads or usePacked.
  std::string useCache(KeyValueCache operands);

private:
  bool readPositions(raise::ExprContext &ctx, raise::ElementEvaluator &eval,
                     llvm::ArrayRef<raise::ExprRef> symbols,
                     llvm::ArrayRef<raise::ExprRef> sizes, raise::Attention &a,
                     raise::Reason &reason, raise::ExprRef &logits) const;

  llvm::SmallVector<DimLoops> logitDims;
};

/// The attributes of an op, in whichever position they are written.
class NamedAttributes {
public:
  explicit NamedAttributes(mlir::Operation *op, llvm::StringRef prefix = "");
  explicit NamedAttributes(mlir::DictionaryAttr attributes);

  /// The value, or null; what was asked for is not unknown.
  mlir::Attribute get(llvm::StringRef name);
  /// The value as a number, `fallback` if there is none. An attribute of
  /// another kind sets the error.
  double getFloat(llvm::StringRef name, double fallback);
  int64_t getInt(llvm::StringRef name, int64_t fallback);
  bool has(llvm::StringRef name) { return get(name) != nullptr; }

  /// An attribute that says nothing about what the op computes.
  void ignore(llvm::StringRef name);

  /// What is wrong: an attribute of the wrong kind, or one that nobody asked
  /// for. Names with a dot are notes of other dialects.
  std::string takeError();

private:
  void add(mlir::DictionaryAttr attributes, llvm::StringRef prefix);
  void setKindError(llvm::StringRef name, llvm::StringRef kind,
                    mlir::Attribute value);

  llvm::StringMap<mlir::Attribute> attributes;
  llvm::StringSet<> known;
  std::string error;
};

/// The type of a tensor: a builtin one, or torch-mlir's !torch.vtensor.
mlir::RankedTensorType getTensorType(mlir::Type type);

/// Why an op is left alone, or what is wrong with it.
template <typename T> struct Read {
  std::optional<T> value;
  std::string reason;

  Read(T value) : value(std::move(value)) {}
  Read(std::string reason) : reason(std::move(reason)) {}
  Read(const char *reason) : reason(reason) {}
};
using ReadAttention = Read<NamedAttention>;

/// iree_linalg_ext.attention and, where its results are only divided,
/// iree_linalg_ext.online_attention.
ReadAttention readLinalgExt(mlir::Operation *op);
/// onnx.Attention; attributes begin with `prefix`.
ReadAttention readOnnx(mlir::Operation *op, llvm::StringRef prefix);
/// torch.aten.scaled_dot_product_attention.
ReadAttention readTorchSDPA(mlir::Operation *op);
/// An op of this name in the namespace sparsek that is none of the dialect's;
/// `op` stands for it.
ReadAttention readSparseK(mlir::Operation *op, llvm::StringRef name,
                          mlir::DictionaryAttr attributes);

} // namespace sparsek::importer

#endif // SPARSEK_CONVERSION_IMPORT_NAMEDATTENTION_H
