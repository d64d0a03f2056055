//===- KernelOp.cpp - Kernels and roles -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/Tile/IR/Tile.h"

#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace sparsek::tile;

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> inputs,
                      ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag, std::string &) {
    return builder.getFunctionType(inputs, results);
  };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false,
      getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(
      printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
      getArgAttrsAttrName(), getResAttrsAttrName());
}

void KernelOp::getAsmBlockArgumentNames(Region &region,
                                        OpAsmSetValueNameFn setNameFn) {
  for (BlockArgument argument : region.getArguments())
    if (auto name =
            getArgAttrOfType<StringAttr>(argument.getArgNumber(), kNameAttr))
      setNameFn(argument, name.getValue());
}

/// The name and the dimension letters that the launch record needs.
static LogicalResult verifyArgument(KernelOp op, unsigned index, Type type) {
  auto name = op.getArgAttrOfType<StringAttr>(index, kNameAttr);
  if (!name || name.empty())
    return op.emitOpError()
           << "argument " << index << " needs a '" << kNameAttr << "'";
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref) {
    if (type.isInteger(32) || type.isInteger(64) || type.isF32() ||
        type.isF64())
      return success();
    return op.emitOpError()
           << "argument '" << name.getValue()
           << "' must be a memref, i32, i64, f32 or f64, but is " << type;
  }
  SmallVector<int64_t> strides;
  int64_t offset;
  if (memref.getRank() < 1 ||
      failed(memref.getStridesAndOffset(strides, offset)) ||
      strides.back() != 1 || offset != 0)
    return op.emitOpError()
           << "argument '" << name.getValue()
           << "' must be a memref with a contiguous last dimension and no "
              "offset, but is "
           << type;
  if (memref.getRank() == 1)
    return success();
  auto dims = op.getArgAttrOfType<StringAttr>(index, kDimsAttr);
  if (!dims || static_cast<int64_t>(dims.size()) != memref.getRank())
    return op.emitOpError() << "argument '" << name.getValue() << "' needs a '"
                            << kDimsAttr << "' with one letter for each of its "
                            << memref.getRank() << " dimensions";
  return success();
}

LogicalResult KernelOp::verify() {
  if (getFunctionType().getNumResults() != 0)
    return emitOpError() << "has no results: a kernel writes into memrefs";
  llvm::StringSet<> names;
  for (auto [index, type] : llvm::enumerate(getFunctionType().getInputs())) {
    if (failed(verifyArgument(*this, index, type)))
      return failure();
    StringRef name = getArgAttrOfType<StringAttr>(index, kNameAttr).getValue();
    if (!names.insert(name).second)
      return emitOpError() << "has two arguments named '" << name << "'";
  }
  if (getThreads() &&
      (*getThreads() < 32 || *getThreads() > 1024 || *getThreads() % 32 != 0))
    return emitOpError() << "threads must be a multiple of 32 up to 1024, but "
                            "is "
                         << *getThreads();
  if (getSharedBytes() && *getSharedBytes() > kSharedBytes)
    return emitOpError() << "needs " << *getSharedBytes()
                         << " bytes of shared memory; a block has "
                         << kSharedBytes;
  return success();
}

/// Sums over the roles: warps, and registers by warpgroups.
LogicalResult KernelOp::verifyRegions() {
  int64_t warps = 0, registers = 0;
  std::optional<int64_t> groupRegisters;
  bool anyRole = false, anyRegisters = false;
  for (RoleOp role : getBody().getOps<RoleOp>()) {
    anyRole = true;
    anyRegisters |= role.getRegisters().has_value();
    for (uint64_t i = 0; i < role.getWarps(); ++i, ++warps) {
      if (warps % 4 == 0) {
        groupRegisters = role.getRegisters();
        registers += groupRegisters.value_or(0);
      } else if (groupRegisters != role.getRegisters()) {
        return role.emitOpError()
               << "shares a warpgroup with a role that has another register "
                  "budget";
      }
    }
  }
  if (!anyRole)
    return getThreads() ? success()
                        : emitOpError() << "without roles needs 'threads'";
  if (getThreads())
    return emitOpError() << "has both roles and 'threads'";
  if (warps % 4 != 0 || warps > 32)
    return emitOpError() << "the roles must fill whole warpgroups of four "
                            "warps, up to 32 warps; they have "
                         << warps;
  if (int64_t most = getRegisterPool(warps / 4);
      anyRegisters && registers > most)
    return emitOpError() << "the roles ask for " << registers
                         << " registers, added over their warpgroups; a block "
                            "of "
                         << warps / 4 << " has " << most;
  return success();
}

int64_t KernelOp::getBlockThreads() {
  if (getThreads())
    return *getThreads();
  int64_t warps = 0;
  for (RoleOp role : getBody().getOps<RoleOp>())
    warps += role.getWarps();
  return warps * 32;
}

LogicalResult RoleOp::verify() {
  if (getWarps() < 1 || getWarps() > 32)
    return emitOpError() << "warps must be 1 to 32, but is " << getWarps();
  if (getRegisters() &&
      (*getRegisters() % 8 || *getRegisters() < 24 || *getRegisters() > 240))
    return emitOpError() << "registers must be a multiple of 8 in 24..240, but "
                            "is "
                         << *getRegisters();
  return success();
}

/// The name of the kernel argument that is copied into `ring`, if any.
static StringAttr getSourceName(Value ring) {
  for (Operation *user : ring.getUsers()) {
    Value source;
    if (auto gather = dyn_cast<GatherOp>(user);
        gather && gather.getRing() == ring)
      source = gather.getSource();
    else if (auto load = dyn_cast<LoadTileOp>(user))
      source = load.getSource();
    auto argument = dyn_cast_or_null<BlockArgument>(source);
    if (!argument)
      continue;
    if (auto kernel = dyn_cast<KernelOp>(argument.getOwner()->getParentOp()))
      return kernel.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                 kNameAttr);
  }
  return StringAttr();
}

void RingOp::getAsmResultNames(OpAsmSetValueNameFn setNameFn) {
  if (isa<KeyListType>(getRing().getType()))
    return setNameFn(getRing(), "list_ring");
  StringAttr name = getSourceName(getRing());
  setNameFn(getRing(), name ? (name.getValue() + "_ring").str() : "ring");
}

LogicalResult RingOp::verify() {
  if (getFills() < 1 || getFills() > 1024 || getDrains() < 1 ||
      getDrains() > 1024)
    return emitOpError() << "fills and drains must be 1 to 1024";
  for (std::optional<uint64_t> place : {getOffset(), getBarriers()})
    if (place && *place >= kSharedBytes)
      return emitOpError() << "lies at byte " << *place
                           << " of shared memory; a block has " << kSharedBytes;
  return success();
}
