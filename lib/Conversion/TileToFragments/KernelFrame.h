//===- KernelFrame.h - Function, threads and memory of a kernel -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_TILETOFRAGMENTS_KERNELFRAME_H
#define SPARSEK_LIB_CONVERSION_TILETOFRAGMENTS_KERNELFRAME_H

#include "FragmentBuilder.h"
#include "sparsek/Dialect/Tile/IR/Tile.h"
#include "sparsek/Support/GPUTarget.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace sparsek {

/// What the lowering of an op needs to know about the kernel around it: the
/// function that it becomes, and values computed at its entry.
struct KernelFrame {
  explicit KernelFrame(const GPUTarget &target) : target(target) {}

  const GPUTarget &target;
  mlir::LLVM::LLVMFuncOp function;
  /// Shared memory as a pointer and as the i32 address that descriptors hold.
  mlir::Value shared, sharedAddress;
  /// Thread in the block, lane in the warp, warp in the block (uniform).
  mlir::Value thread, lane, warp;
  int64_t threads = 0;
  /// The first warp of the role that computes.
  int64_t consumerWarp = 0;
  int64_t consumerWarps = 0;
  tile::RowMapAttr rowMap;

  //===--------------------------------------------------------------------===//
  // Rings
  //===--------------------------------------------------------------------===//

  /// A slot of a ring: its number and the parity of its present use.
  struct Slot {
    mlir::Value number, parity;
  };
  static int64_t getSlots(tile::RingOp ring);
  static int64_t getSlotBytes(tile::RingOp ring);
  static mlir::Value getSlotNumber(FragmentBuilder &b, tile::RingOp ring,
                                   mlir::Value position);
  static Slot getSlot(FragmentBuilder &b, tile::RingOp ring,
                      mlir::Value position);
  /// The start of a slot, and its barriers.
  mlir::Value getSlotPointer(FragmentBuilder &b, tile::RingOp ring,
                             mlir::Value slotNumber) const;
  mlir::Value getFullBarrier(FragmentBuilder &b, tile::RingOp ring,
                             mlir::Value slotNumber) const;
  mlir::Value getFreeBarrier(FragmentBuilder &b, tile::RingOp ring,
                             mlir::Value slotNumber) const;
  /// Blocks until the barrier's phase of that parity is complete.
  void waitBarrier(FragmentBuilder &b, mlir::Value barrier,
                   mlir::Value parity) const;
  /// Blocks until the slot at `position` is filled.
  void waitFull(FragmentBuilder &b, tile::RingOp ring,
                mlir::Value position) const;
  /// Where readers of the slot at `position` arrive.
  mlir::Value getRelease(FragmentBuilder &b, tile::RingOp ring,
                         mlir::Value position) const;
  /// One arrival of this warp, after all of its lanes.
  void arriveWarp(FragmentBuilder &b, mlir::Value barrier) const;
  /// One arrival of this warp, which may come before others of its lanes.
  void arriveLane(FragmentBuilder &b, mlir::Value barrier) const;

  //===--------------------------------------------------------------------===//
  // Rows of a fragment
  //===--------------------------------------------------------------------===//

  /// Warpgroup among the consumers; lane in the quad that shares a row.
  mlir::Value getConsumer(FragmentBuilder &b) const;
  mlir::Value getQuadLane(FragmentBuilder &b) const;
  /// The first tile row of this warp in fragments of `rows` rows.
  mlir::Value getWarpRow(FragmentBuilder &b, int64_t rows) const;
  /// The tile row of this thread's row slot 0, and how much further another
  /// slot's is.
  mlir::Value getFirstRow(FragmentBuilder &b, int64_t rows) const;
  static int64_t getSlotDistance(int64_t slot) {
    return 8 * (slot % 2) + 64 * (slot / 2);
  }
  /// Where a tile row belongs by the row map.
  struct RowPlace {
    mlir::Value position, head;
    /// Neither idle nor beyond the limits of positions and group.
    mlir::Value live;
  };
  RowPlace getRowPlace(FragmentBuilder &b, mlir::Value tileRow,
                       mlir::Value kvHead, mlir::Value headBlock,
                       mlir::Value firstPosition, mlir::Value limit) const;
};

/// A memref argument as the pointer and the element strides that the kernel
/// takes; the last stride is 1 and not among them.
struct GlobalArray {
  mlir::Value pointer;
  llvm::SmallVector<mlir::Value> strides;
  mlir::Type elementType;

  /// Of a memref that is a kernel argument.
  static GlobalArray get(mlir::Value memref);
  int64_t getElementBytes() const;
  /// The byte offset of an i32 or i64 index in a dimension.
  mlir::Value scale(FragmentBuilder &b, mlir::Value index,
                    int64_t dimension) const;
  /// The address of an element; i32 indices, none negative.
  mlir::Value at(FragmentBuilder &b, mlir::ValueRange indices) const;
};

/// The function, its entry values and barriers; the body of `kernel` moves into
/// it, its roles become branches. Fills in `frame`.
mlir::LogicalResult buildKernelFunction(tile::KernelOp kernel,
                                        mlir::OpBuilder &builder,
                                        KernelFrame &frame);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_TILETOFRAGMENTS_KERNELFRAME_H
