// Crash in MLIR 22.1: the inliner follows the name of a symbol whose op is of an unregistered dialect, in a module inside a module.
// The stock tool crashes too. Where an update of LLVM makes this test fail, delete it.
// REQUIRES: mlir-opt
// UNSUPPORTED: sanitizers
// RUN: not --crash mlir-opt %s --allow-unregistered-dialect --inline
// RUN: not --crash sparsek-opt %s --allow-unregistered-dialect --inline
// SIGNATURE: \Amlir::SymbolRefAttr::getRootReference\nmlir::SymbolTableCollection::lookupSymbolIn
func.func @f() {
  return
}
module @inner {
  "unknown.func"() <{sym_name = "main", sym_visibility = "public"}> ({
    %0 = "unknown.x"() : () -> i32
    "unknown.return"(%0) : (i32) -> ()
  }) : () -> ()
}
