"""Follows README.md from a clone to the first streamed answer, in a root of its own that has the system's programs and nothing of this user's.

The commands are those of README.md, as they stand there, but for what a newcomer has and this machine has not: a provider and its key. The mock
provider takes that place. Needs root, or a system that lets users have namespaces of their own.

    python3 loadtest/newcomer/run.py [--cold] [--limit SECONDS]

--cold builds with an empty cache, as on a fresh machine. The modules that the build needs are there: this measures no network.
"""
import argparse
import fcntl
import os
import re
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
HOME = "/home/newcomer"
PROVIDER = "127.0.0.1:9000"


def section(text, name):
    return text.split("\n## " + name + "\n", 1)[1].split("\n## ", 1)[0]


def indented(text):
    """The first block of commands, one an entry; a line that ends in a backslash goes on."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    block = re.search(r"(?:^    .*\n?)+", text, re.M).group(0)
    block = re.sub(r"^    ", "", block, flags=re.M).rstrip("\n")
    return re.split(r"(?<!\\)\n", block)


def plan(readme):
    """What README.md says is to be done: the file to write, the commands before the gateway runs, the one that runs it, and the question."""
    serve = section(readme, "Serve")
    config = re.search(r"```yaml\n(.*?)```", serve, re.S).group(1)
    commands = indented(serve)
    ask = indented(section(readme, "Ask"))
    if len(ask) != 1 or not commands[-1].startswith("./uni-api ") or "base_url: https://api.openai.com" not in config:
        raise SystemExit("README.md is not as this script knows it: Serve has a file for api.openai.com and ends with the command that serves, Ask begins with a question")
    return config, commands[:-1], commands[-1], ask[0]


def script(config, before, serve, ask):
    """The newcomer's session. What is not of README.md stands in for the provider, or for looking at a terminal until something is there."""
    lines = ["set -eu", "cd " + HOME + "/uni-api",
             "step() { printf '%8.1f s  $ %s\\n' \"$(echo \"$(date +%s.%N) $STARTED\" | awk '{print $1-$2}')\" \"$1\"; }"]
    config = config.replace("https://api.openai.com", "http://" + PROVIDER)
    lines += ["step 'editor api.yaml'", "cat >api.yaml <<'END_OF_FILE'\n" + config + "END_OF_FILE"]
    for command in before:
        command = command.split("  #")[0].strip()
        lines.append("step " + shlex.quote(command))
        lines.append(command.replace("=...", "=sk-of-the-provider-0123456789"))
    lines += ["./uni-api mock --addr " + PROVIDER + " >/dev/null 2>&1 &",
              "step " + shlex.quote(serve), serve + " >" + HOME + "/log 2>&1 &",
              "for i in $(seq 300); do curl -s -o /dev/null http://127.0.0.1:8000/healthz && break; sleep 0.1; done",
              "step " + shlex.quote(ask.split("\n")[0] + " ..."), ask.replace("curl ", "curl -sSN ", 1)]
    return "\n".join(lines) + "\n"


def loopback():
    """Brings up the loopback interface, the only one there is."""
    with socket.socket() as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 0x1))  # SIOCSIFFLAGS, IFF_UP


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def inside(root, cold):
    """Runs in namespaces of its own: makes the root, and goes through the session there."""
    loopback()
    for name in ("usr", "bin", "sbin", "lib", "lib64", "lib32"):
        if os.path.islink("/" + name):
            os.symlink(os.readlink("/" + name), root + "/" + name)
        elif os.path.isdir("/" + name):
            os.mkdir(root + "/" + name)
            mount("--rbind", "/" + name, root + "/" + name)
    for name in ("dev", "proc", "tmp", "etc", "modules", "cache"):
        os.mkdir(root + "/" + name)
    mount("--rbind", "/dev", root + "/dev")
    mount("-t", "proc", "proc", root + "/proc")
    os.chmod(root + "/tmp", 0o1777)
    for name in ("ssl", "alternatives"):  # certificates, and which compiler cc is
        if os.path.isdir("/etc/" + name):
            os.mkdir(root + "/etc/" + name)
            mount("--bind", "/etc/" + name, root + "/etc/" + name)
    for name, text in (("passwd", "root:x:0:0::" + HOME + ":/bin/sh\n"), ("hosts", "127.0.0.1 localhost\n")):
        with open(root + "/etc/" + name, "w") as f:
            f.write(text)
    env = {"PATH": "/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin", "HOME": HOME, "LANG": "C.UTF-8", "STARTED": os.environ["STARTED"],
           "GOMODCACHE": "/modules", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    go = os.path.dirname(os.path.realpath(shutil.which("go")))
    env["PATH"] = go + ":" + env["PATH"]
    mount("--bind", os.environ["MODULES"], root + "/modules")
    if not cold:
        mount("--bind", os.environ["CACHE"], root + "/cache")
        env["GOCACHE"] = "/cache"
    with open(REPOSITORY + "/README.md") as f:
        session = script(*plan(f.read()))
    os.chroot(root)
    os.chdir("/")
    os.execve("/bin/sh", ["sh", "-c", session], env)


def outside(args):
    go = lambda *words: subprocess.run(["go", *words], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.strip()
    go("mod", "download")
    root = tempfile.mkdtemp(prefix="newcomer-")
    try:
        os.makedirs(root + HOME)
        started = time.time()
        print("     0.0 s  $ git clone ... uni-api && cd uni-api", flush=True)
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, root + HOME + "/uni-api"], check=True)
        alone = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"] + ([] if os.getuid() == 0 else ["--map-root-user"])
        words = [sys.executable, os.path.abspath(__file__), "--inside", root] + (["--cold"] if args.cold else [])
        p = subprocess.Popen(alone + words, stdout=subprocess.PIPE, text=True,
                             env=dict(os.environ, STARTED=repr(started), MODULES=go("env", "GOMODCACHE"), CACHE=go("env", "GOCACHE")))
        commands, first, answer = 1, None, []
        for line in p.stdout:
            if " s  $ " in line:
                commands += 1
            elif line.startswith("data:"):
                first = first or time.time() - started
                answer.append(line)
            if line.startswith("data:") or not line.strip():
                continue
            print(line.rstrip(), flush=True)
        code = p.wait()
        whole = bool(answer) and answer[-1].startswith("data: [DONE]") and any('"content"' in event for event in answer)
        if code or not whole:
            print("".join(answer[-3:]))
            try:
                with open(root + HOME + "/log") as f:
                    print(f.read()[-2000:])
            except OSError:
                pass
            print("0 passed, 1 failed")
            return 1
        print("%8.1f s  the first event of the answer, after %d commands; %d events in all" % (first, commands, len(answer)))
        if first > args.limit:
            print("that is more than %d s\n0 passed, 1 failed" % args.limit)
            return 1
        print("1 passed, 0 failed")
        return 0
    finally:
        subprocess.run(["chmod", "-R", "u+w", root], check=False)
        shutil.rmtree(root)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--limit", type=float, default=600)
    parser.add_argument("--inside")
    args = parser.parse_args()
    if args.inside:
        inside(args.inside, args.cold)
    sys.exit(outside(args))


if __name__ == "__main__":
    main()
