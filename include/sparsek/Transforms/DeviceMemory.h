//===- DeviceMemory.h - Functions on the memory of a GPU --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TRANSFORMS_DEVICEMEMORY_H
#define SPARSEK_TRANSFORMS_DEVICEMEMORY_H

#include "llvm/ADT/StringRef.h"

namespace sparsek {

/// On a function, also in the LLVM dialect: buffers among its arguments and
/// results lie in the memory of the device.
constexpr llvm::StringLiteral kDeviceMemoryAttr = "sparsek.device_memory";

} // namespace sparsek

#endif // SPARSEK_TRANSFORMS_DEVICEMEMORY_H
