//===- Object.cpp - Compile a module for other programs -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/ExecutionEngine/Object.h"

#include "Internal.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"

#include <set>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::detail;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// What compiled code calls when a check fails, unless the program has its own.
static void defineCheckFailed(llvm::Module &module) {
  llvm::Function *function = module.getFunction("sparsek_runtime_check_failed");
  if (!function || !function->isDeclaration())
    return;
  function->setLinkage(llvm::GlobalValue::WeakAnyLinkage);
  llvm::IRBuilder<> b(module.getContext());
  b.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "", function));
  constexpr int standardError = 2;
  llvm::FunctionCallee print = module.getOrInsertFunction(
      "dprintf", llvm::FunctionType::get(b.getInt32Ty(),
                                         {b.getInt32Ty(), b.getPtrTy()}, true));
  llvm::FunctionCallee abort = module.getOrInsertFunction(
      "abort", llvm::FunctionType::get(b.getVoidTy(), false));
  b.CreateCall(print,
               {b.getInt32(standardError),
                b.CreateGlobalString("sparsek: %s\n"), function->getArg(0)});
  b.CreateCall(abort);
  b.CreateUnreachable();
}

llvm::Expected<ObjectCode> sparsek::compileObject(ModuleOp source,
                                                  const CompileOptions &options,
                                                  ObjectForm form) {
  OwningOpRef<ModuleOp> module(source.clone());
  DiagnosticCollector diagnostics(*source.getContext());
  llvm::StringMap<std::string> refused;
  ObjectCode result;
  auto entries = prepareEntries(*module, refused);
  if (!entries)
    return entries.takeError();
  result.entries = std::move(*entries);
  if (llvm::Error error = runPipeline(*module, options, diagnostics))
    return error;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(*module, context, "sparsek");
  if (!code)
    return diagnostics.takeError("the pipeline did not reach LLVM IR");

  llvm::Expected<HostMachine> machine = HostMachine::create(options, *code);
  if (!machine)
    return machine.takeError();
  defineCheckFailed(*code);
  llvm::StringSet<> kept{"sparsek_runtime_check_failed"};
  for (const Signature &entry : result.entries) {
    std::string name = ("_mlir_ciface_" + entry.name);
    if (!code->getFunction(name))
      return llvm::createStringError("the pipeline left no C interface of '" +
                                     Twine(entry.name) + "'");
    kept.insert(name);
  }
  result.usesOpenMP = callsOpenMP(*code);
  machine->optimize(*code, kept, options.optLevel);

  llvm::SmallVector<char, 0> content;
  llvm::raw_svector_ostream os(content);
  if (form == ObjectForm::LLVMIR) {
    code->print(os, nullptr);
  } else {
    llvm::legacy::PassManager passes;
    if (machine->machine->addPassesToEmitFile(
            passes, os, nullptr, llvm::CodeGenFileType::ObjectFile))
      return llvm::createStringError("no object files can be made for " +
                                     code->getTargetTriple().str());
    passes.run(*code);
  }
  result.code = os.str().str();
  return result;
}

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

/// The C type that holds an element; 16-bit floats and booleans as integers.
static StringRef getCType(ElementType type) {
  switch (type) {
  case ElementType::F64:
    return "double";
  case ElementType::F32:
    return "float";
  case ElementType::F16:
  case ElementType::BF16:
    return "uint16_t";
  case ElementType::I64:
  case ElementType::Index:
    return "int64_t";
  case ElementType::I32:
    return "int32_t";
  case ElementType::I16:
    return "int16_t";
  case ElementType::I8:
    return "int8_t";
  case ElementType::I1:
    return "uint8_t";
  }
  llvm_unreachable("an element type without a C type");
}

/// The name of a descriptor, or of the type of a scalar.
static std::string getCName(const ValueSignature &value) {
  if (!value.isTensor)
    return getCType(value.type).str();
  return ("sparsek_" + getName(value.type) + "_" + Twine(value.shape.size()) +
          "d")
      .str();
}

/// Behind a guard of its own, since several headers may have it. C has no
/// arrays of size 0: a descriptor of rank 0 ends with its offset.
static void declareDescriptor(llvm::raw_ostream &os,
                              const ValueSignature &value) {
  size_t rank = value.shape.size();
  std::string name = getCName(value);
  std::string guard = StringRef(name).upper();
  os << "\n#ifndef " << guard << "\n#define " << guard << "\n";
  if (rank > 0)
    os << "/* Element i0, ... is aligned[offset + i0 * strides[0] + ...]. */\n";
  os << "typedef struct {\n  " << getCType(value.type)
     << " *allocated, *aligned;\n  int64_t offset";
  if (rank > 0)
    os << ", sizes[" << rank << "], strides[" << rank << "]";
  os << ";\n} " << name << ";\n#endif\n";
}

static void declareEntry(llvm::raw_ostream &os, const Signature &entry) {
  ArrayRef<ValueSignature> results = entry.results;
  bool byPointer =
      results.size() > 1 || (results.size() == 1 && results[0].isTensor);
  std::string resultType = "void";
  if (results.size() == 1)
    resultType = getCName(results[0]);
  os << "\n/* " << entry.getString()
     << "\n   Results are the caller's: free(allocated), once for each "
        "pointer. "
        "*/\n";
  if (results.size() > 1) {
    resultType = entry.name + "_results";
    os << "typedef struct {\n";
    for (auto [index, result] : llvm::enumerate(results))
      os << "  " << getCName(result) << " result" << index << ";\n";
    os << "} " << resultType << ";\n";
  }
  os << (byPointer ? "void" : resultType) << " _mlir_ciface_" << entry.name
     << "(";
  llvm::ListSeparator comma;
  if (byPointer)
    os << comma << resultType << " *result";
  for (auto [index, argument] : llvm::enumerate(entry.arguments))
    os << comma << getCName(argument) << (argument.isTensor ? " *" : " ")
       << "argument" << index;
  if (!byPointer && entry.arguments.empty())
    os << "void";
  os << ");\n";
}

llvm::Expected<std::string>
sparsek::makeObjectHeader(ArrayRef<Signature> entries, StringRef name) {
  for (const Signature &entry : entries)
    if (!llvm::all_of(entry.name,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; }))
      return llvm::createStringError(
          "the function '" + Twine(entry.name) +
          "' needs another name for C: letters, digits and '_'");
  std::string guard = "SPARSEK_";
  for (char c : name)
    guard += llvm::isAlnum(c) ? llvm::toUpper(c) : '_';
  guard += "_H";
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "/* Made by sparsek-compile. */\n#ifndef " << guard << "\n#define "
     << guard << "\n\n#include <stdint.h>\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
  std::set<std::string> declared;
  for (const Signature &entry : entries)
    for (ArrayRef<ValueSignature> values :
         {ArrayRef(entry.arguments), ArrayRef(entry.results)})
      for (const ValueSignature &value : values)
        if (value.isTensor && declared.insert(getCName(value)).second)
          declareDescriptor(os, value);
  for (const Signature &entry : entries)
    declareEntry(os, entry);
  os << "\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* " << guard << " */\n";
  return text;
}
