//===- Pipelines.h - From tensors to the LLVM dialect -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Each pipeline is a function of a pass manager and an options struct; the
// registered ones have the same name on the command line. They are composed
// from the stages below, which can be run one by one:
//
//   sparsek-reference-pipeline   sparsek-cpu-pipeline
//     ops to linalg on tensors     ops to vector code
//              \                        /
//              sparsek-bufferization-pipeline
//                           |
//              sparsek-lower-to-llvm-pipeline
//
// and, for a GPU, sparsek-gpu-plain-pipeline, which begins as the reference
// does and goes on after bufferization with sparsek-lower-to-gpu-pipeline and
// sparsek-lower-gpu-host-pipeline. sparsek-nvvm-pipeline first takes the ops
// that tile programs compute: to fragments, to NVVM, to PTX or machine code.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_PIPELINES_PIPELINES_H
#define SPARSEK_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassOptions.h"

#include <string>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace sparsek {

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// What every pipeline that makes functions for the host takes.
template <typename Derived>
struct HostPipelineOptions : public mlir::PassPipelineOptions<Derived> {
  typename HostPipelineOptions::template Option<bool> cWrappers{
      *this, "c-wrappers",
      llvm::cl::desc("Give every function f a wrapper _mlir_ciface_f that "
                     "takes memref descriptors by pointer"),
      llvm::cl::init(true)};
};

/// What every pipeline that makes kernels for a GPU takes, on top of `Base`.
template <typename Base> struct DevicePipelineOptions : public Base {
  explicit DevicePipelineOptions(llvm::StringRef chip) {
    this->chip = chip.str();
  }
  typename Base::template Option<std::string> chip{
      *this, "chip",
      llvm::cl::desc("The GPU: sm_ and a number; PTX for one without a or f at "
                     "its end runs on later ones too")};
  typename Base::template Option<std::string> format{
      *this, "format",
      llvm::cl::desc("ptx (text that the driver compiles), cubin or fatbin "
                     "(which need ptxas) or llvm (bitcode)"),
      llvm::cl::init("ptx")};
  typename Base::template Option<std::string> toolkit{
      *this, "toolkit", llvm::cl::desc("Folder of the CUDA toolkit"),
      llvm::cl::init("")};
};

/// Options of `sparsek-lower-to-llvm-pipeline`.
struct LowerToLLVMPipelineOptions
    : public HostPipelineOptions<LowerToLLVMPipelineOptions> {
  Option<bool> parallel{
      *this, "parallel",
      llvm::cl::desc("Run scf.parallel loops on OpenMP threads; without it "
                     "they become sequential loops"),
      llvm::cl::init(false)};
};

/// Options of `sparsek-reference-pipeline`.
struct ReferencePipelineOptions
    : public HostPipelineOptions<ReferencePipelineOptions> {};

/// Options of `sparsek-cpu-pipeline`.
struct CPUPipelineOptions : public HostPipelineOptions<CPUPipelineOptions> {
  Option<bool> parallel{*this, "parallel",
                        llvm::cl::desc("Run tiles and heads on OpenMP threads"),
                        llvm::cl::init(true)};
  Option<int64_t> vectorLanes{
      *this, "vector-lanes",
      llvm::cl::desc(
          "f32 lanes of a vector: 16 for AVX-512, 8 for AVX2; 0 asks "
          "the host"),
      llvm::cl::init(0)};
  Option<int64_t> microRows{
      *this, "micro-rows",
      llvm::cl::desc("Keys, or value columns, in a register tile; 0 fits it to "
                     "the vector registers"),
      llvm::cl::init(0)};
  Option<int64_t> keyBlock{*this, "key-block",
                           llvm::cl::desc("Keys attended to at a time"),
                           llvm::cl::init(64)};
  Option<int64_t> tileRows{
      *this, "tile-rows",
      llvm::cl::desc("Query rows (positions times grouped heads) of a tile"),
      llvm::cl::init(128)};
};

/// Options of `sparsek-nvvm-pipeline`.
struct NVVMPipelineOptions
    : public DevicePipelineOptions<HostPipelineOptions<NVVMPipelineOptions>> {
  NVVMPipelineOptions() : DevicePipelineOptions("sm_90a") {}
  Option<std::string> schedule{
      *this, "schedule",
      llvm::cl::desc("Fields of #tile.schedule to set, as in "
                     "keys=64,ping_pong=false"),
      llvm::cl::init("")};
  Option<bool> remarks{*this, "remarks",
                       llvm::cl::desc("Say which schedule was chosen, and why"),
                       llvm::cl::init(false)};
  Option<bool> host{
      *this, "host",
      llvm::cl::desc("Lower the functions too: they launch the kernels, and "
                     "compute what has no tile program by definition. Without "
                     "it, and with the formats llvm and nvvm (before code "
                     "generation), they stay as they are"),
      llvm::cl::init(true)};
};

/// Options of `sparsek-emit-iree`.
struct EmitIREEOptions
    : public DevicePipelineOptions<mlir::PassPipelineOptions<EmitIREEOptions>> {
  EmitIREEOptions() : DevicePipelineOptions("sm_90a") {}
  Option<bool> cuda{
      *this, "cuda",
      llvm::cl::desc("For --iree-hal-target-device=cuda: PTX or machine code"),
      llvm::cl::init(false)};
  Option<bool> llvmCPU{*this, "llvm-cpu",
                       llvm::cl::desc("For the backend llvm-cpu: vector code"),
                       llvm::cl::init(false)};
  Option<int64_t> vectorLanes{
      *this, "vector-lanes",
      llvm::cl::desc("With llvm-cpu, f32 lanes of a vector: 16 for AVX-512, 8 "
                     "for AVX2; 0 asks the host"),
      llvm::cl::init(0)};
  Option<bool> fallback{
      *this, "fallback",
      llvm::cl::desc("With cuda, attention and scores without kernels by their "
                     "definition in linalg, query by query"),
      llvm::cl::init(false)};
  Option<bool> verify{
      *this, "verify",
      llvm::cl::desc("Report what a stock iree-compile would not take; off for "
                     "one with more dialects"),
      llvm::cl::init(true)};
  Option<bool> nativeF64{
      *this, "native-f64",
      llvm::cl::desc("With llvm-cpu, f64 by its own instructions and not by "
                     "integers: faster, and iree-compile must be told "
                     "--iree-input-demote-f64-to-f32=false"),
      llvm::cl::init(false)};
  Option<std::string> schedule{
      *this, "schedule",
      llvm::cl::desc("Fields of #tile.schedule to set, as in "
                     "keys=64,ping_pong=false"),
      llvm::cl::init("")};
};

/// Options of `sparsek-lower-to-gpu-pipeline`.
struct LowerToGPUPipelineOptions
    : public DevicePipelineOptions<
          mlir::PassPipelineOptions<LowerToGPUPipelineOptions>> {
  LowerToGPUPipelineOptions() : DevicePipelineOptions("sm_80") {}
};

/// Options of `sparsek-lower-gpu-host-pipeline`.
struct LowerGPUHostPipelineOptions
    : public HostPipelineOptions<LowerGPUHostPipelineOptions> {};

/// Options of `sparsek-gpu-plain-pipeline`.
struct GPUPlainPipelineOptions
    : public DevicePipelineOptions<
          HostPipelineOptions<GPUPlainPipelineOptions>> {
  GPUPlainPipelineOptions() : DevicePipelineOptions("sm_80") {}
};

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

/// Tensors to buffers. Function arguments and results become memrefs with the
/// identity layout; public functions never write into their arguments, and the
/// caller owns (frees) every result.
void buildBufferizationPipeline(mlir::OpPassManager &pm);

/// linalg, vector, scf, affine, math, arith, memref, cf and func on buffers to
/// the LLVM dialect.
void buildLowerToLLVMPipeline(mlir::OpPassManager &pm,
                              const LowerToLLVMPipelineOptions &options);

/// linalg, scf, affine, math, arith and memref on buffers to NVIDIA kernels and
/// a host that allocates, copies and launches. All buffers are in the memory of
/// the device.
void buildLowerToGPUPipeline(mlir::OpPassManager &pm,
                             const LowerToGPUPipelineOptions &options);

/// The host that the pipeline above leaves to the LLVM dialect. It calls the
/// mgpu functions of MLIR's CUDA runtime.
void buildLowerGPUHostPipeline(mlir::OpPassManager &pm,
                               const LowerGPUHostPipelineOptions &options);

//===----------------------------------------------------------------------===//
// Whole pipelines
//===----------------------------------------------------------------------===//

/// sparsek and linalg on tensors to the LLVM dialect, by definition: slow,
/// readable, and what other lowerings are compared with.
void buildReferencePipeline(mlir::OpPassManager &pm,
                            const ReferencePipelineOptions &options);

/// sparsek and linalg on tensors to the LLVM dialect, for speed on the host.
void buildCPUPipeline(mlir::OpPassManager &pm,
                      const CPUPipelineOptions &options);

/// sparsek and linalg on tensors to kernels for an NVIDIA GPU, and a host in
/// the LLVM dialect that launches them: gathered attention by tile programs
/// where one fits, the rest as by the pipeline below. Without `host` only the
/// first: gpu.binary ops with launch records, beside functions as they were.
void buildNVVMPipeline(mlir::OpPassManager &pm,
                       const NVVMPipelineOptions &options);

/// sparsek and linalg on tensors to kernels for any NVIDIA GPU from sm_80 on
/// and a host in the LLVM dialect that launches them, by definition: slow, for
/// what faster kernels do not cover.
void buildGPUPlainPipeline(mlir::OpPassManager &pm,
                           const GPUPlainPipelineOptions &options);

/// sparsek ops, among any others, to what iree-compile takes: see docs/IREE.md.
void buildEmitIREEPipeline(mlir::OpPassManager &pm,
                           const EmitIREEOptions &options);

/// Makes the pipelines above available under their names.
void registerPipelines();

} // namespace sparsek

#endif // SPARSEK_PIPELINES_PIPELINES_H
