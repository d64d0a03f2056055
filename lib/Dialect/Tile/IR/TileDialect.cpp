//===- TileDialect.cpp - Types, attributes and registration ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace sparsek::tile;

#include "sparsek/Dialect/Tile/IR/TileDialect.cpp.inc"
#include "sparsek/Dialect/Tile/IR/TileEnums.cpp.inc"

/// Sizes and element type, as in 2x128x64xbf16.
static ParseResult parseShape(AsmParser &parser, SmallVector<int64_t> &shape,
                              Type &element) {
  return failure(parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
                 parser.parseType(element));
}

static void printShape(AsmPrinter &printer, ArrayRef<int64_t> shape,
                       Type element) {
  printer.printDimensionList(shape);
  printer << 'x' << element;
}

#define GET_ATTRDEF_CLASSES
#include "sparsek/Dialect/Tile/IR/TileAttributes.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "sparsek/Dialect/Tile/IR/TileTypes.cpp.inc"

void TileDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "sparsek/Dialect/Tile/IR/TileOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "sparsek/Dialect/Tile/IR/TileAttributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "sparsek/Dialect/Tile/IR/TileTypes.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

int64_t sparsek::tile::getRegisterPool(int64_t warpgroups) {
  constexpr int64_t perThread = 256, perGroupOfThreads = 65536 / 128;
  return std::min(perThread, perGroupOfThreads / warpgroups / 8 * 8) *
         warpgroups;
}

static bool isSlotCount(int64_t slots) { return slots >= 1 && slots <= 16; }

LogicalResult ScheduleAttr::verify(
    function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t keys,
    int64_t listSlots, int64_t keySlots, int64_t valueSlots, int64_t querySlots,
    int64_t producerRegisters, int64_t consumerRegisters, bool overlap,
    bool pingPong, bool, When, When, int64_t consumerRows, bool skipEdges) {
  if (rows != 64 && rows != 128 && rows != 192 && rows != 256)
    return emitError() << "rows must be 64, 128, 192 or 256, but is " << rows;
  if (keys != 64 && keys != 128)
    return emitError() << "keys must be 64 or 128, but is " << keys;
  for (auto [name, slots] :
       {std::pair<StringRef, int64_t>{"list_slots", listSlots},
        {"key_slots", keySlots},
        {"value_slots", valueSlots},
        {"query_slots", querySlots}})
    if (!isSlotCount(slots))
      return emitError() << name << " must be 1 to 16, but is " << slots;
  for (auto [name, registers] :
       {std::pair<StringRef, int64_t>{"producer_registers", producerRegisters},
        {"consumer_registers", consumerRegisters}})
    if (registers % 8 || registers < 24 || registers > 240)
      return emitError() << name
                         << " must be a multiple of 8 in 24..240, but is "
                         << registers;
  if ((consumerRows != 64 && consumerRows != 128) || rows % consumerRows != 0)
    return emitError() << "consumer_rows must be 64 or 128 and divide rows = "
                       << rows << ", but is " << consumerRows;
  int64_t consumers = rows / consumerRows,
          most = getRegisterPool(consumers + 1);
  if (producerRegisters + consumers * consumerRegisters > most)
    return emitError() << "producer_registers + " << consumers
                       << " * consumer_registers must be at most " << most
                       << ", but is "
                       << producerRegisters + consumers * consumerRegisters;
  if (pingPong && consumers < 2)
    return emitError() << "ping_pong needs two consumers or more, but "
                          "rows / consumer_rows is "
                       << consumers;
  if (!skipEdges)
    return success();
  if (keys != 64 || consumerRows != 64 || consumers < 2)
    return emitError() << "skip_edges needs keys = 64, consumer_rows = 64 and "
                          "two consumers or more, but has keys = "
                       << keys << ", consumer_rows = " << consumerRows
                       << " and rows = " << rows;
  // The last consumer is so many slots ahead of the first one, which waits for
  // it to pass the turn, and a consumer that skips holds the slot before.
  if (overlap && std::min({listSlots, keySlots, valueSlots}) < consumers)
    return emitError() << "skip_edges needs list_slots, key_slots and "
                          "value_slots of at least "
                       << consumers << ", one for each consumer, but has "
                       << listSlots << ", " << keySlots << " and "
                       << valueSlots;
  return success();
}

LogicalResult RowMapAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t positions, int64_t heads,
                                 int64_t group) {
  if (positions < 1 || heads < 1 || group < heads)
    return emitError() << "needs positions >= 1 and 1 <= heads <= group, but "
                          "has positions = "
                       << positions << ", heads = " << heads
                       << ", group = " << group;
  constexpr int64_t most = 256; // rows of a work item
  if (positions > most || heads > most || positions * heads > most)
    return emitError() << "positions * heads must be at most " << most
                       << ", but positions = " << positions
                       << " and heads = " << heads;
  return success();
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

LogicalResult RingType::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<int64_t> shape, Type element) {
  if (shape.size() != 3)
    return emitError() << "a ring has slots, rows and columns, but "
                       << shape.size() << " sizes are given";
  if (!isSlotCount(shape[0]))
    return emitError() << "a ring has 1 to 16 slots, not " << shape[0];
  if (shape[1] < 8 || shape[1] % 8 || shape[1] > 256)
    return emitError()
           << "the rows of a slot are a multiple of 8 up to 256, not "
           << shape[1];
  if (shape[2] < 8 || shape[2] % 8 || shape[2] > 256)
    return emitError()
           << "the columns of a slot are a multiple of 8 up to 256, not "
           << shape[2];
  if (!element.isBF16() && !element.isF16())
    return emitError() << "a ring holds bf16 or f16, not " << element;
  return success();
}

LogicalResult KeyListType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t slots, int64_t keys) {
  if (!isSlotCount(slots))
    return emitError() << "a key list has 1 to 16 slots, not " << slots;
  if (keys != 64 && keys != 128)
    return emitError() << "a slot lists 64 or 128 keys, not " << keys;
  return success();
}

static LogicalResult
verifyFragment(function_ref<InFlightDiagnostic()> emitError,
               ArrayRef<int64_t> shape) {
  if (shape.size() != 2 || (shape[0] != 64 && shape[0] != 128))
    return emitError() << "a fragment has 64 or 128 rows and some columns";
  if (shape[1] < 8 || shape[1] % 8 || shape[1] > 256)
    return emitError()
           << "the columns of a fragment are a multiple of 8 up to 256, not "
           << shape[1];
  return success();
}

LogicalResult FragType::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<int64_t> shape, Type element) {
  if (!element.isF32() && !element.isBF16() && !element.isF16())
    return emitError() << "a fragment holds f32, bf16 or f16, not " << element;
  return verifyFragment(emitError, shape);
}

LogicalResult PendingType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  ArrayRef<int64_t> shape, Type element) {
  if (!element.isF32())
    return emitError() << "products are f32, not " << element;
  return verifyFragment(emitError, shape);
}

LogicalResult RowsType::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<int64_t> shape, Type element) {
  if (shape.size() != 1 || (shape[0] != 64 && shape[0] != 128))
    return emitError() << "there is one number for each of 64 or 128 rows";
  if (!element.isF32() && !element.isInteger(32))
    return emitError() << "rows hold f32 or i32, not " << element;
  return success();
}
