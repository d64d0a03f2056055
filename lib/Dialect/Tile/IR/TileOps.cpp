//===- TileOps.cpp - Verifiers of the ops on rings and fragments ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/Tile/IR/Tile.h"

using namespace mlir;
using namespace sparsek::tile;

#define GET_OP_CLASSES
#include "sparsek/Dialect/Tile/IR/TileOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Shared checks
//===----------------------------------------------------------------------===//

/// A memref of the given rank and element type with contiguous rows.
static LogicalResult verifyMemRef(Operation *op, StringRef name, Value value,
                                  int64_t rank,
                                  function_ref<bool(Type)> accepts,
                                  StringRef accepted) {
  auto type = cast<MemRefType>(value.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (type.getRank() == rank && accepts(type.getElementType()) &&
      succeeded(type.getStridesAndOffset(strides, offset)) &&
      strides.back() == 1)
    return success();
  return op->emitOpError() << name << " must be a memref of rank " << rank
                           << " of " << accepted
                           << " with a contiguous last dimension, but is "
                           << type;
}

static bool isHalf(Type type) { return type.isBF16() || type.isF16(); }
static bool isF32(Type type) { return type.isF32(); }
static bool isI32(Type type) { return type.isInteger(32); }

static RowMapAttr getRowMap(Operation *op) {
  auto kernel = op->getParentOfType<KernelOp>();
  return kernel ? kernel.getRowMapAttr() : RowMapAttr();
}

static LogicalResult verifyRowMap(Operation *op) {
  if (getRowMap(op))
    return success();
  return op->emitOpError() << "needs a tile.kernel around it with a row_map";
}

/// Rows of a slot or fragment are multiplied by columns of the same number.
static LogicalResult verifySizes(Operation *op, StringRef what, int64_t lhs,
                                 int64_t rhs) {
  if (lhs == rhs)
    return success();
  return op->emitOpError() << what << " must agree, but are " << lhs << " and "
                           << rhs;
}

static std::pair<int64_t, int64_t> getProductShape(Type type) {
  if (auto frag = dyn_cast<FragType>(type))
    return {frag.getRows(), frag.getColumns()};
  auto pending = cast<PendingType>(type);
  return {pending.getRows(), pending.getColumns()};
}

//===----------------------------------------------------------------------===//
// Work and rows
//===----------------------------------------------------------------------===//

LogicalResult ItemOp::verify() { return verifyRowMap(*this); }

LogicalResult PositionsOp::verify() { return verifyRowMap(*this); }

LogicalResult LoadRowsOp::verify() {
  return verifyMemRef(*this, "source", getSource(), 3, isF32, "f32");
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

int64_t ArrayOp::getBytes() {
  MemRefType type = getArray().getType();
  int64_t bytes = 16;
  if (!isa<VectorType>(type.getElementType()))
    bytes = type.getElementTypeBitWidth() / 8;
  return type.getNumElements() * bytes;
}

LogicalResult ArrayOp::verify() {
  MemRefType type = getArray().getType();
  if (type.getRank() == 1 && type.getLayout().isIdentity() &&
      !type.getMemorySpace())
    return success();
  return emitOpError()
         << "must be a memref of rank 1 without layout and memory "
            "space, but is "
         << type;
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

/// Eight words for each group of 32 columns.
static LogicalResult verifyPanel(Operation *op, Type type) {
  if (cast<VectorType>(type).getNumElements() % 8 == 0)
    return success();
  return op->emitOpError() << "panel must have eight words for each 32 columns,"
                           << " but is " << type;
}

LogicalResult LoadPanelOp::verify() {
  if (failed(verifyMemRef(*this, "source", getSource(), 3, isHalf,
                          "bf16 or f16")) ||
      failed(verifyPanel(*this, getPanel().getType())))
    return failure();
  int64_t columns = cast<MemRefType>(getSource().getType()).getDimSize(2);
  if (ShapedType::isDynamic(columns) || columns % 8 != 0)
    return emitOpError() << "source must have a static number of columns that "
                            "is a multiple of 8";
  return success();
}

LogicalResult MmaPanelOp::verify() {
  if (failed(verifyMemRef(
          *this, "right operand", getRhs(), 1,
          [](Type type) {
            auto vector = dyn_cast<VectorType>(type);
            return vector && vector.getShape() == ArrayRef<int64_t>(4) &&
                   vector.getElementType().isInteger(32);
          },
          "vectors of four i32")) ||
      failed(verifyPanel(*this, getPanel().getType())))
    return failure();
  if (!isHalf(getElement()))
    return emitOpError() << "multiplies bf16 and f16, not " << getElement();
  if (getParts() < 1 || getParts() > 3)
    return emitOpError() << "right operand must have 1 to 3 parts, not "
                         << getParts();
  if (getAccumulator().getType().getNumElements() % 4 != 0)
    return emitOpError()
           << "accumulator must have four elements for each eight "
              "columns, but is "
           << getAccumulator().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

/// The slot of a list that is handed over with one of a matrix.
static LogicalResult verifyWith(Operation *op, Type ring, Value list,
                                Value position) {
  if (static_cast<bool>(list) != static_cast<bool>(position))
    return op->emitOpError() << "needs both or neither of a list and a "
                                "position in it";
  if (list && !isa<RingType>(ring))
    return op->emitOpError()
           << "can take a slot of a list with one of a !tile.ring, not of "
           << ring;
  return success();
}

LogicalResult CommitOp::verify() {
  return verifyWith(*this, getRing().getType(), getList(), getListPosition());
}

LogicalResult AcquireOp::verify() {
  return verifyWith(*this, getRing().getType(), getList(), getListPosition());
}

LogicalResult SkipOp::verify() {
  if (getKeys() == getValues())
    return emitOpError() << "needs two rings, one of keys and one of values";
  int64_t listed = getList().getType().getKeys();
  if (failed(verifySizes(*this, "the keys of the list and the rows of the keys",
                         listed, getKeys().getType().getRows())))
    return failure();
  return verifySizes(*this, "the keys of the list and the rows of the values",
                     listed, getValues().getType().getRows());
}

//===----------------------------------------------------------------------===//
// Global memory to rings
//===----------------------------------------------------------------------===//

static LogicalResult verifyCopy(Operation *op, Value source, RingType ring) {
  if (failed(verifyMemRef(op, "source", source, 4, isHalf, "bf16 or f16")))
    return failure();
  auto type = cast<MemRefType>(source.getType());
  if (type.getElementType() != ring.getElementType())
    return op->emitOpError()
           << "source and ring must have one element type, "
              "but have "
           << type.getElementType() << " and " << ring.getElementType();
  if (type.getDimSize(3) != ring.getColumns())
    return op->emitOpError()
           << "the last dimension of the source must be the ring's columns, "
           << ring.getColumns() << ", but is " << type;
  return success();
}

LogicalResult LoadTileOp::verify() {
  RowMapAttr map = getRowMap(*this);
  if (!map)
    return verifyRowMap(*this);
  int64_t rows = getRing().getType().getRows();
  if (map.getPositions() * map.getHeads() > rows)
    return emitOpError() << "the row map has "
                         << map.getPositions() * map.getHeads()
                         << " rows; the slot has " << rows;
  if (rows % 64 != 0)
    return emitOpError() << "the rows of the slot must be a multiple of 64, "
                            "but are "
                         << rows;
  return verifyCopy(*this, getSource(), getRing().getType());
}

LogicalResult GatherOp::verify() {
  if (getShares() != 1 && getShares() != 2 && getShares() != 4)
    return emitOpError() << "shares must be 1, 2 or 4, but is " << getShares();
  if ((getShares() != 1) != static_cast<bool>(getShare()))
    return emitOpError() << "needs the share that this warp copies where there "
                            "are several, and only there";
  if (auto role = (*this)->getParentOfType<RoleOp>();
      role && role.getWarps() != getShares())
    return emitOpError() << "has " << getShares()
                         << " shares, one for each warp of its role, which has "
                         << role.getWarps();
  if (failed(verifySizes(*this, "the keys of the list and the rows of the slot",
                         getList().getType().getKeys(),
                         getRing().getType().getRows())))
    return failure();
  return verifyCopy(*this, getSource(), getRing().getType());
}

LogicalResult ListKeysOp::verify() {
  if (failed(verifyRowMap(*this)))
    return failure();
  if (failed(verifyMemRef(*this, "expiry", getExpiry(), 3, isI32, "i32")) ||
      failed(verifyMemRef(*this, "scores", getScores(), 3, isF32, "f32")) ||
      failed(
          verifyMemRef(*this, "threshold", getThreshold(), 3, isF32, "f32")) ||
      failed(verifyMemRef(*this, "table", getTable(), 1, isI32, "i32")))
    return failure();
  if (getEdges() && getDocuments())
    return emitOpError() << "cannot list edges first where there are documents";
  int64_t keys = getList().getType().getKeys();
  if (RowMapAttr map = getRowMap(*this);
      getEdges() && (map.getHeads() != 1 || map.getPositions() % keys != 0))
    return emitOpError() << "needs edges of whole slots of " << keys
                         << " keys, one for each row, but the row map is "
                         << map;
  if (getDocuments())
    return verifyMemRef(*this, "documents", getDocuments(), 1, isI32, "i32");
  return success();
}

int64_t sparsek::tile::getScratchKeys(int64_t positions) {
  return std::max<int64_t>(4, 2 * positions);
}

int64_t sparsek::tile::getScratchBytes(int64_t positions) {
  return getScratchKeys(positions) * 12;
}

int64_t ListKeysOp::getScratchBytes() {
  return tile::getScratchBytes(getRowMap(*this).getPositions());
}

//===----------------------------------------------------------------------===//
// Fragments
//===----------------------------------------------------------------------===//

LogicalResult MmaNTOp::verify() {
  RingType lhs = getLhs().getType(), rhs = getRhs().getType();
  if (lhs.getElementType() != rhs.getElementType())
    return emitOpError() << "both slots must have one element type";
  if (failed(verifySizes(*this, "the columns of both slots", lhs.getColumns(),
                         rhs.getColumns())))
    return failure();
  auto [rows, columns] = getProductShape(getResult().getType());
  if (lhs.getRows() % rows != 0)
    return emitOpError() << "the rows of the left slot must be a multiple of "
                         << rows << ", but are " << lhs.getRows();
  return verifySizes(*this, "result columns and rows of the right slot",
                     columns, rhs.getRows());
}

LogicalResult MmaNNOp::verify() {
  FragType lhs = getLhs().getType();
  RingType rhs = getRhs().getType();
  if (!isHalf(lhs.getElementType()) ||
      lhs.getElementType() != rhs.getElementType())
    return emitOpError() << "the left operand must be a fragment of the ring's "
                            "type "
                         << rhs.getElementType() << ", but is " << lhs;
  if (failed(verifySizes(*this,
                         "columns of the left operand and rows of the slot",
                         lhs.getColumns(), rhs.getRows())))
    return failure();
  auto [rows, columns] = getProductShape(getResult().getType());
  auto accumulator = cast<FragType>(getAccumulator().getType());
  if (accumulator.getRows() != rows || accumulator.getColumns() != columns)
    return emitOpError() << "accumulator and result must have one shape";
  return verifySizes(*this, "result columns and columns of the slot", columns,
                     rhs.getColumns());
}

LogicalResult WaitOp::verify() {
  if (getOutstanding() > 7)
    return emitOpError() << "outstanding must be 0 to 7, but is "
                         << getOutstanding();
  PendingType product = getProduct().getType();
  auto result = cast<FragType>(getResult().getType());
  if (product.getShape() != result.getShape())
    return emitOpError() << "product and result must have one shape";
  return success();
}

/// Columns of a fragment are the keys of a list.
static LogicalResult verifyColumns(Operation *op, Type frag, KeyListType list) {
  return verifySizes(op, "fragment columns and listed keys",
                     cast<FragType>(frag).getColumns(), list.getKeys());
}

LogicalResult GateOp::verify() {
  return verifyColumns(*this, getInput().getType(), getList().getType());
}

LogicalResult MaskOp::verify() {
  return verifyColumns(*this, getInput().getType(), getList().getType());
}

LogicalResult NormaliseOp::verify() {
  bool sink = static_cast<bool>(getSink());
  if (sink != static_cast<bool>(getHead()) ||
      sink != static_cast<bool>(getHeadBlock()))
    return emitOpError() << "needs all or none of sink, head and head block";
  if (!sink)
    return success();
  if (failed(verifyRowMap(*this)))
    return failure();
  return verifyMemRef(*this, "sink", getSink(), 1, isF32, "f32");
}

LogicalResult TruncateOp::verify() {
  FragType result = getResult().getType();
  if (!isHalf(result.getElementType()))
    return emitOpError() << "the result must be bf16 or f16, but is "
                         << result.getElementType();
  if (result.getShape() != cast<FragType>(getInput().getType()).getShape())
    return emitOpError() << "input and result must have one shape";
  return success();
}

//===----------------------------------------------------------------------===//
// Fragments to global memory
//===----------------------------------------------------------------------===//

LogicalResult StoreTileOp::verify() {
  if (failed(verifyRowMap(*this)) ||
      failed(
          verifyMemRef(*this, "target", getTarget(), 4, isHalf, "bf16 or f16")))
    return failure();
  return verifySizes(*this, "fragment columns and the target's last dimension",
                     cast<FragType>(getValue().getType()).getColumns(),
                     cast<MemRefType>(getTarget().getType()).getDimSize(3));
}

LogicalResult StoreRowsOp::verify() {
  if (failed(verifyRowMap(*this)))
    return failure();
  return verifyMemRef(*this, "target", getTarget(), 3, isF32, "f32");
}

//===----------------------------------------------------------------------===//
// Selection tables
//===----------------------------------------------------------------------===//

LogicalResult CollectSurvivorsOp::verify() {
  if (failed(verifyMemRef(*this, "expiry", getExpiry(), 3, isI32, "i32")) ||
      failed(verifyMemRef(*this, "table", getTable(), 1, isI32, "i32")))
    return failure();
  if (getDocuments())
    return verifyMemRef(*this, "documents", getDocuments(), 1, isI32, "i32");
  return success();
}

LogicalResult DocumentOp::verify() {
  return verifyMemRef(*this, "cu_seqlens", getCuSeqlens(), 1, isI32, "i32");
}
