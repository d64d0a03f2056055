//===- Kernels.cpp - Kernels as files -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Target/Kernels.h"

#include "sparsek/Support/GPUTarget.h"
#include "sparsek/Transforms/KernelBinary.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

#include <mutex>

using namespace mlir;
using namespace sparsek;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

llvm::Error sparsek::checkChip(StringRef chip) {
  if (GPUTarget::get(chip))
    return llvm::Error::success();
  return llvm::createStringError("--chip must be one of " +
                                 GPUTarget::getAccepted() + ", got '" + chip +
                                 "'");
}

llvm::Error sparsek::checkImageFormat(StringRef format,
                                      ArrayRef<StringRef> more) {
  SmallVector<StringRef> accepted{"ptx", "cubin", "fatbin"};
  accepted.append(more.begin(), more.end());
  if (llvm::is_contained(accepted, format))
    return llvm::Error::success();
  return llvm::createStringError("--format must be one of " +
                                 llvm::join(accepted, ", ") + " here, got '" +
                                 format + "'");
}

//===----------------------------------------------------------------------===//
// What is in the module
//===----------------------------------------------------------------------===//

namespace {
struct NamedKernel {
  std::string name;
  KernelBinary binary;
};
} // namespace

/// The kernels of the module, at least one.
static llvm::Expected<std::vector<NamedKernel>> getKernels(ModuleOp module) {
  std::vector<NamedKernel> kernels;
  for (gpu::BinaryOp op : findKernelBinaries(module)) {
    llvm::Expected<KernelBinary> binary = getKernelBinary(op);
    if (!binary)
      return llvm::createStringError(Twine("@") + op.getName() + ": " +
                                     llvm::toString(binary.takeError()));
    kernels.push_back({op.getName().str(), std::move(*binary)});
  }
  if (kernels.empty())
    return llvm::createStringError(
        "the module has no gpu.binary with a dictionary '" + kLaunchRecordAttr +
        "'; sparsek-nvvm-pipeline with host=false makes it from "
        "sparsek.gathered_attention, sparsek.topk_mask or sparsek.score");
  return kernels;
}

/// What the functions of the runtime for an operation have in their names.
static StringRef getRuntimeName(const KernelBinary &binary) {
  if (binary.op == "score")
    return "Score";
  return binary.op == "topk_mask" ? "Selection" : "Attention";
}

static bool isIdentifier(StringRef name) {
  return !name.empty() && !llvm::isDigit(name.front()) &&
         llvm::all_of(name,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

/// The kernels under names that C accepts.
static llvm::Expected<std::vector<NamedKernel>> getCKernels(ModuleOp module,
                                                            StringRef name) {
  llvm::Expected<std::vector<NamedKernel>> kernels = getKernels(module);
  if (!kernels)
    return kernels;
  if (!name.empty()) {
    if (kernels->size() != 1)
      return llvm::createStringError(
          "a name is for a module with one gpu.binary with kernels, this one "
          "has " +
          Twine(kernels->size()));
    kernels->front().name = name.str();
  }
  for (const NamedKernel &kernel : *kernels)
    if (!isIdentifier(kernel.name))
      return llvm::createStringError("'" + kernel.name +
                                     "' is no name of a C function; give one "
                                     "of letters, digits and _");
  return kernels;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static StringRef getExtension(gpu::CompilationTarget format) {
  switch (format) {
  case gpu::CompilationTarget::Assembly:
    return ".ptx";
  case gpu::CompilationTarget::Fatbin:
    return ".fatbin";
  case gpu::CompilationTarget::Binary:
  case gpu::CompilationTarget::Offload: // KernelBinary has none.
    return ".cubin";
  }
  llvm_unreachable("no other format");
}

static llvm::Error writeFile(const Twine &path, StringRef content) {
  std::error_code error;
  llvm::raw_fd_ostream os(path.str(), error);
  if (!error) {
    os << content;
    os.close();
    error = os.error();
    os.clear_error();
  }
  if (error)
    return llvm::createStringError("cannot write '" + path +
                                   "': " + error.message());
  return llvm::Error::success();
}

llvm::Error sparsek::writeKernelFiles(ModuleOp module, StringRef folder) {
  llvm::Expected<std::vector<NamedKernel>> kernels = getKernels(module);
  if (!kernels)
    return kernels.takeError();
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    return llvm::createStringError("cannot make the folder '" + folder +
                                   "': " + error.message());
  for (const NamedKernel &kernel : *kernels) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, kernel.name);
    if (llvm::Error error = writeFile(path + getExtension(kernel.binary.format),
                                      kernel.binary.image))
      return error;
    if (llvm::Error error =
            writeFile(path + ".json", kernel.binary.record + "\n"))
      return error;
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Objects
//===----------------------------------------------------------------------===//

namespace {
/// Adds kernels to an LLVM module.
class ObjectBuilder {
public:
  explicit ObjectBuilder(llvm::Module &module)
      : module(module), b(module.getContext()), pointer(b.getPtrTy()),
        size(b.getInt64Ty()), status(b.getInt32Ty()) {}

  void add(const NamedKernel &kernel) {
    llvm::Constant *embedded = addData(kernel);
    std::string what = getRuntimeName(kernel.binary).str();
    addFunction(embedded, kernel.name + "_workspace",
                "sparsekEmbedded" + what + "Workspace", status,
                {pointer, pointer});
    addFunction(embedded, kernel.name + "_launch",
                "sparsekLaunchEmbedded" + what, status,
                {pointer, size, size, status, pointer});
    addFunction(embedded, kernel.name + "_prepare",
                "sparsekPrepareEmbeddedKernel", status, {status});
    addFunction(embedded, kernel.name + "_release",
                "sparsekReleaseEmbeddedKernel", b.getVoidTy(), {});
  }

private:
  llvm::Constant *addBytes(StringRef bytes, const Twine &name) {
    auto *value = llvm::ConstantDataArray::getString(module.getContext(), bytes,
                                                     /*AddNull=*/true);
    auto *data = new llvm::GlobalVariable(
        module, value->getType(), /*isConstant=*/true,
        llvm::GlobalValue::PrivateLinkage, value, name);
    // The driver reads cubins in place.
    data->setAlignment(llvm::Align(16));
    return data;
  }

  /// A SparsekEmbeddedKernel.
  llvm::Constant *addData(const NamedKernel &kernel) {
    const KernelBinary &binary = kernel.binary;
    llvm::Constant *image = addBytes(binary.image, kernel.name + "_image");
    llvm::Constant *record = addBytes(binary.record, kernel.name + "_record");
    llvm::Constant *value = llvm::ConstantStruct::getAnon(
        {image, llvm::ConstantInt::get(size, binary.image.size()), record,
         llvm::ConstantInt::get(size, binary.record.size()),
         llvm::ConstantPointerNull::get(pointer)});
    return new llvm::GlobalVariable(
        module, value->getType(), /*isConstant=*/false,
        llvm::GlobalValue::PrivateLinkage, value, kernel.name + "_kernel");
  }

  /// A function that passes its arguments on, after the kernel.
  void addFunction(llvm::Constant *embedded, const Twine &name,
                   StringRef callee, llvm::Type *result,
                   ArrayRef<llvm::Type *> parameters) {
    auto *type = llvm::FunctionType::get(result, parameters, false);
    auto *function = llvm::Function::Create(
        type, llvm::GlobalValue::ExternalLinkage, name, module);
    SmallVector<llvm::Type *> passed{pointer};
    passed.append(parameters.begin(), parameters.end());
    SmallVector<llvm::Value *> arguments{embedded};
    for (llvm::Argument &argument : function->args())
      arguments.push_back(&argument);
    b.SetInsertPoint(
        llvm::BasicBlock::Create(module.getContext(), "", function));
    llvm::CallInst *call = b.CreateCall(
        module.getOrInsertFunction(
            callee, llvm::FunctionType::get(result, passed, false)),
        arguments);
    if (result->isVoidTy())
      b.CreateRetVoid();
    else
      b.CreateRet(call);
  }

  llvm::Module &module;
  llvm::IRBuilder<> b;
  llvm::PointerType *pointer;
  llvm::IntegerType *size, *status;
};
} // namespace

/// A machine for any processor of this kind.
static llvm::Expected<std::unique_ptr<llvm::TargetMachine>> getMachine() {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string reason;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!target)
    return llvm::createStringError(reason);
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, /*CPU=*/"", /*Features=*/"",
                                  llvm::TargetOptions(), llvm::Reloc::PIC_));
  if (!machine)
    return llvm::createStringError("no code can be made for " + triple.str());
  return machine;
}

llvm::Error sparsek::emitKernelObject(ModuleOp module, StringRef name,
                                      llvm::raw_pwrite_stream &os) {
  llvm::Expected<std::vector<NamedKernel>> kernels = getCKernels(module, name);
  if (!kernels)
    return kernels.takeError();
  auto machine = getMachine();
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  llvm::Module object("sparsek kernels", context);
  object.setTargetTriple((*machine)->getTargetTriple());
  object.setDataLayout((*machine)->createDataLayout());
  ObjectBuilder builder(object);
  for (const NamedKernel &kernel : *kernels)
    builder.add(kernel);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, os, nullptr,
                                      llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("no object files can be made for " +
                                   object.getTargetTriple().str());
  passes.run(object);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Headers
//===----------------------------------------------------------------------===//

llvm::Error sparsek::emitKernelHeader(ModuleOp module, StringRef name,
                                      llvm::raw_ostream &os) {
  llvm::Expected<std::vector<NamedKernel>> kernels = getCKernels(module, name);
  if (!kernels)
    return kernels.takeError();
  std::string guard =
      "SPARSEK_KERNELS_" + StringRef(kernels->front().name).upper() + "_H";
  os << "/* Made by sparsek-translate. Link with libSparsekRuntime. */\n"
     << "#ifndef " << guard << "\n#define " << guard << "\n\n"
     << "#include \"sparsek-c/CUDA.h\"\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
  for (const NamedKernel &kernel : *kernels) {
    StringRef what = getRuntimeName(kernel.binary);
    os << "\n/* As sparsek" << what << "Workspace and sparsekLaunch" << what
       << ": nonzero and sparsekLastError() on failure. */\n"
       << "int32_t " << kernel.name << "_workspace(const Sparsek" << what
       << "Arguments *arguments, size_t *size);\n"
       << "int32_t " << kernel.name << "_launch(const Sparsek" << what
       << "Arguments *arguments, uint64_t workspace,\n"
       << "    size_t workspaceSize, int32_t device, void *stream);\n"
       << "/* Loads the kernels on a device, which the first launch does "
          "otherwise. */\n"
       << "int32_t " << kernel.name << "_prepare(int32_t device);\n"
       << "/* Unloads them everywhere. No launch may be running. */\n"
       << "void " << kernel.name << "_release(void);\n";
  }
  os << "\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* " << guard << " */\n";
  return llvm::Error::success();
}
