//===- ScalarExpr.h - Hash-consed scalar expressions ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scalar expressions over the elements of tensors. What one element of a tensor
// holds is written as such an expression of the loop symbols that index it; two
// pieces of IR compute the same thing if their expressions are the same node.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_RAISEATTENTION_SCALAREXPR_H
#define SPARSEK_CONVERSION_RAISEATTENTION_SCALAREXPR_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Allocator.h"
#include <optional>

namespace sparsek::raise {

enum class Sort : uint8_t { Int, Bool, Float };

enum class ExprKind : uint8_t {
  // Integer atoms.
  Sym,       // a loop symbol: 0 <= s < ops[0]
  Bound,     // the symbol that a Reduce binds, numbered by nesting (`num`)
  Dim,       // the size of dimension `num` of the tensor `ptr`, >= 0
  FloorDiv,  // ops[0] floordiv ops[1], ops[1] > 0
  Mod,       // ops[0] mod ops[1], ops[1] > 0
  IntProd,   // product of atoms
  BoolToInt, // 0 or 1
  // Integer values: constant (`num`) plus a sum of coeffs[i] * ops[i].
  IntLin,
  // Float values: constant (`real`) plus a sum of reals[i] * ops[i].
  FloatLin,
  // Float atoms.
  FloatProd,  // product of atoms and of sums
  Recip,      // 1 / ops[0]
  Exp,        // natural exponential
  Max,        // the larger of two
  IntToFloat, // conversion of an integer value
  // Of any sort.
  CmpF,    // float comparison with predicate `num`
  Elem,    // the element of tensor `ptr` at ops
  Unknown, // the scalar SSA value `ptr`
  Call,    // the op named `ptr` applied to ops
  Select,  // ops[0] ? ops[1] : ops[2]
  Reduce,  // combiner `num` over ops[0] for Bound ops[1]
  // Booleans.
  BoolConst,
  Ge0, // ops[0] >= 0
  Eq0, // ops[0] == 0
  Not,
  And,
  Or,
  Xor,
};

enum class Combiner : int64_t { Add, Mul, Max, Min, And, Or };

/// One node. Nodes are unique: equal expressions are equal pointers.
struct Expr {
  ExprKind kind;
  Sort sort;
  unsigned id;
  /// How deep Reduce nodes nest below this node.
  unsigned height;
  int64_t num;
  double real;
  const void *ptr;
  llvm::ArrayRef<const Expr *> ops;
  llvm::ArrayRef<int64_t> coeffs;
  llvm::ArrayRef<double> reals;

  bool is(ExprKind k) const { return kind == k; }
  mlir::Value getValue() const {
    return mlir::Value::getFromOpaquePointer(ptr);
  }
  Combiner getCombiner() const { return static_cast<Combiner>(num); }
};

using ExprRef = const Expr *;
using SymbolMap = llvm::DenseMap<ExprRef, ExprRef>;

/// Owns and simplifies expressions. Integer, float and boolean values are in a
/// normal form: sums of products, with the divisions and comparisons resolved
/// that the ranges of the symbols decide.
class ExprContext {
public:
  ExprContext() = default;
  ExprContext(const ExprContext &) = delete;
  ExprContext &operator=(const ExprContext &) = delete;

  /// Work is bounded: past this many nodes matching gives up.
  bool exhausted() const { return nextId > kMaxNodes || overflowed; }

  // Integers.
  ExprRef intConst(int64_t value);
  /// A new symbol in [0, extent); the constant 0 where the extent is 1.
  ExprRef symbol(ExprRef extent);
  ExprRef dim(mlir::Value tensor, int64_t index);
  ExprRef add(ExprRef a, ExprRef b);
  ExprRef sub(ExprRef a, ExprRef b);
  ExprRef scale(ExprRef a, int64_t factor);
  ExprRef mul(ExprRef a, ExprRef b);
  ExprRef floorDiv(ExprRef a, ExprRef b);
  ExprRef mod(ExprRef a, ExprRef b);
  ExprRef boolToInt(ExprRef a);
  /// An integer atom as a value.
  ExprRef fromAtom(ExprRef atom);
  /// Whether the value is provably >= 0. With `nonEmpty` sizes count as >= 1,
  /// which holds wherever an element exists.
  bool isNonNegative(ExprRef a, bool nonEmpty);
  bool isBetween(ExprRef a, ExprRef lowest, ExprRef limit);
  /// Whether the value does not wrap around in a signed integer of this width.
  /// Dynamic sizes and their products count as at most 2^28.
  bool fitsSigned(ExprRef a, unsigned width);

  // Booleans.
  ExprRef boolConst(bool value);
  ExprRef ge0(ExprRef a);
  ExprRef eq0(ExprRef a);
  ExprRef logicalNot(ExprRef a);
  ExprRef logicalAnd(ExprRef a, ExprRef b);
  ExprRef logicalOr(ExprRef a, ExprRef b);
  ExprRef logicalXor(ExprRef a, ExprRef b);

  // Floats.
  ExprRef floatConst(double value);
  ExprRef fromFloatAtom(ExprRef atom);
  ExprRef addf(ExprRef a, ExprRef b);
  ExprRef scalef(ExprRef a, double factor);
  ExprRef mulf(ExprRef a, ExprRef b);
  ExprRef recip(ExprRef a);
  ExprRef exp(ExprRef a);
  ExprRef maxf(ExprRef a, ExprRef b);
  ExprRef intToFloat(ExprRef a);

  // Any sort.
  ExprRef elem(mlir::Value tensor, llvm::ArrayRef<ExprRef> indices, Sort sort);
  ExprRef unknown(mlir::Value scalar, Sort sort);
  ExprRef cmpf(int64_t predicate, ExprRef a, ExprRef b);
  ExprRef call(const void *name, llvm::ArrayRef<ExprRef> operands, Sort sort);
  ExprRef select(ExprRef cond, ExprRef a, ExprRef b);
  /// Combines `body` over all values of the symbol.
  ExprRef reduce(Combiner combiner, ExprRef symbol, ExprRef body);
  /// The body of a Reduce with `index` in the place of the bound symbol.
  ExprRef openReduce(ExprRef reduce, ExprRef index);
  ExprRef reduceExtent(ExprRef reduce);

  /// Replaces atoms (symbols, bound symbols, sizes) by integer values.
  ExprRef substitute(ExprRef e, const SymbolMap &map);
  bool dependsOn(ExprRef e, ExprRef atom);

  /// Pairs of sizes that were taken to be equal. Exporters write the index of
  /// an operand that may be broadcast as "size == 1 ? 0 : i"; it is i where the
  /// size is that of the loop.
  using Assumptions = llvm::SmallVector<std::pair<ExprRef, ExprRef>>;
  Assumptions takeAssumptions() { return std::exchange(assumptions, {}); }
  void assumeEqual(ExprRef a, ExprRef b) { assumptions.push_back({a, b}); }

  // Queries.
  static std::optional<int64_t> getInt(ExprRef e);
  static std::optional<double> getFloat(ExprRef e);
  static std::optional<bool> getBool(ExprRef e);
  /// The atom of a value that is just that atom, or null.
  static ExprRef getAtom(ExprRef e);

  /// Visits every node once, operands first. Does not enter the bodies of
  /// Reduce nodes for which `enter` is false.
  static void walk(ExprRef e, llvm::function_ref<void(ExprRef)> visit,
                   llvm::function_ref<bool(ExprRef)> enter = nullptr);

private:
  static constexpr unsigned kMaxNodes = 400000;
  static constexpr size_t kMaxTerms = 256;

  ExprRef make(ExprKind kind, Sort sort, llvm::ArrayRef<ExprRef> ops,
               int64_t num = 0, double real = 0, const void *ptr = nullptr,
               llvm::ArrayRef<int64_t> coeffs = {},
               llvm::ArrayRef<double> reals = {});
  using IntTerms = llvm::SmallVector<std::pair<ExprRef, int64_t>>;
  using FloatTerms = llvm::SmallVector<std::pair<ExprRef, double>>;
  ExprRef makeLin(int64_t constant, IntTerms &terms);
  ExprRef makeFloatLin(double constant, FloatTerms &terms);
  int64_t addChecked(int64_t a, int64_t b);
  int64_t mulChecked(int64_t a, int64_t b);
  ExprRef monomial(llvm::ArrayRef<ExprRef> factors);
  /// Splits a = quotient * b + rest with the multiples of b that show.
  bool splitMultiples(ExprRef a, ExprRef b, ExprRef &quotient, ExprRef &rest);
  /// An upper limit (exclusive) of an atom >= 0, or null.
  ExprRef limitOf(ExprRef atom);
  bool lowerBound(ExprRef a, ExprRef &bound);
  ExprRef substituteImpl(ExprRef e, const SymbolMap &map,
                         llvm::DenseMap<ExprRef, ExprRef> &memo);

  llvm::BumpPtrAllocator allocator;
  llvm::DenseMap<llvm::ArrayRef<uint64_t>, ExprRef> nodes;
  Assumptions assumptions;
  unsigned nextId = 0;
  int64_t nextSymbol = 0;
  /// An integer left the range of int64_t, or a product grew too long: nothing
  /// is believed any more.
  bool overflowed = false;
};

} // namespace sparsek::raise

#endif // SPARSEK_CONVERSION_RAISEATTENTION_SCALAREXPR_H
