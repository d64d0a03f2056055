# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lit configuration. `config` and `lit_config` come from lit, the settings from lit.site.cfg.py."""

import os
import subprocess

import lit.formats

config.name = "sparsek"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
# Inputs that are no tests of their own.
config.excludes = ["Inputs", "fixtures", "consumer", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.sparsek_obj_root, "test")

bin_dir = os.path.join(config.sparsek_obj_root, "bin")
lib_dir = os.path.join(config.sparsek_obj_root, "lib")
config.environment["PATH"] = os.pathsep.join([bin_dir, config.llvm_tools_dir, config.environment.get("PATH", "")])
config.environment["FILECHECK_OPTS"] = "--enable-var-scope"
# MLIR keeps interned objects until the process ends; LeakSanitizer would report them. Its allocators, whose inline parts are compiled
# here as well, poison memory in instrumented code that the packaged library then uses without unpoisoning it.
for name, value in (("ASAN_OPTIONS", "detect_leaks=0:allow_user_poisoning=0"), ("UBSAN_OPTIONS", "print_stacktrace=1")):
    config.environment[name] = os.environ.get(name, value)
for name in ("OMP_NUM_THREADS", "HOME", "CCACHE_DIR"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

# SPARSEK_ROUNDTRIP=1 makes every sparsek-opt run also print, parse and compare its input.
opt_arguments = ""
if os.environ.get("SPARSEK_ROUNDTRIP", "0") not in ("", "0"):
    opt_arguments = " --verify-roundtrip"


def first_substitution(name, value):
    config.substitutions.append((name, value))


# Longer names come before names that they contain.
word = r"(?<![\w./%%-])%s(?![\w./-])"
for tool in config.sparsek_tools:
    path = os.path.join(bin_dir, tool)
    first_substitution(word % tool, path + (opt_arguments if tool == "sparsek-opt" else ""))
for tool, path in (
    ("FileCheck", config.filecheck),
    ("not", config.not_tool),
    ("split-file", config.split_file),
    ("mlir-opt", config.mlir_opt),
    ("mlir-runner", config.mlir_runner),
):
    if path and not path.endswith("-NOTFOUND"):
        first_substitution(word % tool, path)
for name, value in (
    ("%sparsek_plugin", os.path.join(lib_dir, "SparsekPlugin" + config.shared_module_suffix)),
    ("%sparsek_src_root", config.sparsek_src_root),
    ("%sparsek_obj_root", config.sparsek_obj_root),
    ("%fixtures", os.path.join(config.test_source_root, "fixtures")),
    ("%sparsek_lib_dir", lib_dir),
    ("%llvm_lib_dir", config.llvm_lib_dir),
    ("%python", config.python),
    ("%cmake", config.cmake),
    ("%cxx", config.cxx_compiler),
    ("%cc", config.c_compiler),
    ("%link_flags", "-fsanitize=" + config.sparsek_sanitize if config.sparsek_sanitize else ""),
    ("%consumer_flags", "-DCMAKE_CXX_FLAGS=-fsanitize=" + config.sparsek_sanitize if config.sparsek_sanitize else ""),
):
    first_substitution(name, value)


def python_has(module):
    command = [config.python, "-c", "import " + module]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def cpu_flags():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("flags"):
                    return set(line.split())
    except OSError:
        pass
    return set()


features = set(config.sparsek_tools) | {"static" if config.sparsek_static else "dylib"}
features |= {name for name, path in (("mlir-opt", config.mlir_opt), ("mlir-runner", config.mlir_runner))
             if path and not path.endswith("-NOTFOUND")}
features |= {flag for flag in ("avx2", "avx512f") if flag in cpu_flags()}
features |= {module for module in ("numpy", "ml_dtypes") if python_has(module)}
if config.sparsek_sanitize:
    features.add("sanitizers")
if opt_arguments:
    features.add("roundtrip")
config.available_features |= features
lit_config.note("features: " + " ".join(sorted(features)))
if opt_arguments:
    lit_config.note("sparsek-opt runs with" + opt_arguments)
