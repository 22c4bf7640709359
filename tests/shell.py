#!/usr/bin/env python3
"""Is `engram shell` what docs/shell.md says? Usage: shell.py ENGRAM IMAGE

Typed at in a pseudo-terminal, fed through a pipe, with -e and with files. Results are TAP."""
import fcntl, os, pathlib, pty, re, resource, select, signal, struct, subprocess, sys, tempfile, termios, time

PATIENCE = 240  # seconds for an answer: sanitizers are slow, and so are busy machines
PROMPT, MORE = "engram> ", "     >> "


class Skip(Exception):
    pass


class Failed(Exception):
    pass


def want(condition, what):
    if not condition:
        raise Failed(what)


class Typist:
    """Somebody at a terminal."""

    all = []

    def __init__(self, *args, **env):
        self.text = ""
        try:
            self.pid, self.fd = pty.fork()
        except OSError as e:
            raise Skip(f"no pseudo-terminal: {e}") from e
        Typist.all.append(self)
        fcntl.ioctl(self.fd if self.pid else 0, termios.TIOCSWINSZ, struct.pack("4H", 24, 500, 0, 0))
        if not self.pid:
            os.environ.update(env, TERM="xterm", COLUMNS="80", LC_ALL="C.UTF-8")
            os.execv(ENGRAM, [ENGRAM, "shell", IMAGE, *args])
        self.until("\n" + PROMPT)

    def until(self, wanted):
        """What came up to @wanted, without what moves the cursor."""
        end = time.monotonic() + PATIENCE
        while wanted not in self.text:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            try:
                data = os.read(self.fd, 65536) if ready else b""
            except OSError:  # it has ended
                data = b""
            want(data, f"no {wanted!r} in {self.text[-500:]!r}")
            self.text += re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", data.decode("utf-8", "replace"))
        found, self.text = self.text.split(wanted, 1)
        return found

    def key(self, text):
        os.write(self.fd, text.encode())

    def line(self, text, prompt=PROMPT):
        """What a line is answered with."""
        self.key(text + "\n")
        return self.answer(prompt)

    def answer(self, prompt=PROMPT):
        """What stands between the line, which may have been drawn several times, and the next prompt."""
        return self.until("\n" + prompt).partition("\n")[2]

    def end(self, text="\x04"):
        """@return the exit status."""
        self.key(text)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                Typist.all.remove(self)
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    os.read(self.fd, 65536)
                except OSError:  # the last of it has come
                    time.sleep(0.01)
        raise Failed("it does not end")


def run(*args, text="", shell=True):
    return subprocess.run([ENGRAM, "-q", *(["shell", IMAGE] if shell else []), *args], input=text, capture_output=True,
                          text=True)


def code(*lines):
    """Standard output of -e."""
    done = run(*[arg for line in lines for arg in ("-e", line)])
    want(done.returncode == 0, f"{lines}: exit status {done.returncode}: {done.stderr}")
    return done.stdout


# ---- typed ----

def typed_values():
    t = Typist()
    for line, answer in (
        ("1 + 1", "2"),
        ("k.init_task.comm", '"swapper/0"'),
        ("k.init_task.comm, nil, true, 0x10000, 1.5", '"swapper/0"\tnil\ttrue\t65536 (0x10000)\t1.5'),
        ("{1, {a = 2, ['x y'] = {}}}", '{\n  1,\n  { a = 2, ["x y"] = {} }\n}'),
        ("'\\27[2Jx\\n'", r'"\x1b[2Jx\x0a"'),
        ("print('\\27[2Jx', 'a\\nb')", "\\x1b[2Jx  a\nb"),
        ("x = 7", ""),
        ("x", "7"),
        ("-- nothing", ""),
        ("eg.ok", "eg.ok(x: any): boolean"),
        ("k", "the kernel's memory"),
    ):
        got = t.line(line).replace("\t", "  ") if "print" in line else t.line(line)
        got = re.sub(" +", " ", got)
        want(got == re.sub(" +", " ", answer) or (answer[-1:] != '"' and answer[:1] == '"' and got.startswith(answer)),
             f"{line}: {got!r}")
    want(t.end() == 0, "Ctrl-D does not end it with 0")


def typed_lines_that_go_on():
    t = Typist()
    t.line("for i = 1, 2 do", MORE)
    t.line("print(i)", MORE)
    want(t.line("end") == "1\n2", "a loop on three lines")
    t.line("x = [[a", MORE)
    want(t.line("b]]") == "" and t.line("#x") == "3", "a text on two lines")
    t.line("f(", MORE)
    t.key("\x03")
    t.until("\n" + PROMPT)
    want(t.line("2") == "2", "Ctrl-C does not drop what was begun")
    t.line("f(", MORE)
    want(t.end() == 0, "Ctrl-D in a statement")


def typed_errors():
    t = Typist()
    got = t.line("k.init_task.com")
    want("input:1: task_struct has no member 'com'; did you mean 'comm'?" in got, f"a member: {got!r}")
    got = t.line("x = = 1")
    want("input:1: unexpected symbol" in got, f"syntax: {got!r}")
    got = t.line("pslist{nothing = 1}")
    want("no option of pslist" in got, f"an option: {got!r}")
    got = t.line("hexdump('no_such')")
    want("no_such: no symbol of this name" in got, f"a symbol: {got!r}")
    got = t.line("hexdump(eg.physical(k), 'init_task')")
    want("a symbol is not possible here" in got, f"a symbol in physical memory: {got!r}")
    got = t.line("dt('task_struct', '0xzz')")
    want("'0xzz': not an address" in got, f"no address: {got!r}")
    got = t.line("eg.output('a', 'b')")
    want("-o DIR" in got and "anew" not in got, f"no folder: {got!r}")
    want(t.line("x = 1") == "" and t.line("x") == "1", "it does not go on")
    want(t.end() == 0, "errors that were seen are no exit status")


def typed_interrupts():
    t = Typist()
    t.line("x = 'still here'")
    for loop in ("while true do end", "while true do pcall(function() while true do end end) end",
                 "for _ in eg.scan(eg.physical(k), {bytes = 'no such bytes anywhere'}) do end while true do end"):
        t.key(loop + "\n")
        t.until("\n")
        time.sleep(0.5)
        t.key("\x03")
        got = t.until("\n" + PROMPT)
        want("stopped" in got, f"{loop}: {got!r}")
    got = t.line("x")
    want(got == '"still here"', f"variables are lost: {got!r}")
    t.key("half a line\x03")
    t.until("\n" + PROMPT)
    want(t.line("1") == "1", "Ctrl-C does not drop the line")
    want(t.end("quit()\n") == 0, "quit() does not end it")


def typed_tabs():
    t = Typist()
    for keys, answer in (
        ("k.init_ta\t.tgi\t\n", "0"),  # symbols, members
        ("linux.file_pa\t\n", "linux.file_path("),
        ("eg.sizeof(\"list_hea\t\")\n", "16"),
        ("eg.object(k, 'task_struc\t', k.init_task).tgid\n", "0"),
        ("eg.offsetof('list_head', 'pre\t')\n", "8"),
        ("eg.lookup(k, 'init_tas\t') ~= nil\n", "true"),
        ("#eg.rows('bann\t')\n", "1"),
        ("hexdump('linux_banne\t', 5)\n", "ADDRESS"),
        ("eg.object(k, 'task_struct', 'init_tas\t').tgid\n", "0"),
        ("kw = { inner = { leaf = 3 } }\n", ""),
        ("kw.inn\t.lea\t\n", "3"),
        ("_G." * 400 + "kw.inn\t.lea\t\n", "3"),
        ("pslis\t{pid = 1}\n", "OFFSET"),
    ):
        t.key(keys)
        got = t.answer().strip()
        want(got.startswith(answer) if answer else not got, f"{keys!r}: {got!r}")
    # No call, and no error, on the way to candidates.
    t.line("n = 0; function f() n = n + 1 return {} end")
    t.key("f().a\t\x15nothing.at.all.\t\x15k.no_such_symbol.x\t\x15eg.nothing('\t\x15dt(dt('no_such_t\t\x15")
    got = t.line("n")
    want(got == "0", f"a Tab calls what is typed: {got!r}")
    # A list, where there is no one answer.
    t.key("eg.read\t")
    t.until("read_some")
    t.until("\n" + PROMPT)
    t.key("\x15k.init_task.\t")
    got = t.until("… and ")
    t.until("\n" + PROMPT)
    want("active_mm" in got, f"no list of members: {got[-300:]!r}")
    t.key("\x15")
    want(t.line("1") == "1", "after lists")
    want(t.end() == 0, "exit status")


def typed_history():
    with tempfile.TemporaryDirectory(prefix="engram-shell-") as home:
        t = Typist(HOME=home)
        t.line("secret = 5")
        t.key("\x1b[A\n")  # the line before: in memory
        t.until("\n" + PROMPT)
        want(t.end() == 0 and not os.listdir(home), f"{os.listdir(home)} is left behind")
        file = pathlib.Path(home) / "lines"
        t = Typist("--history", str(file), HOME=home)
        t.line("y = 40 + 2")
        want(t.end() == 0, "exit status")
        want(file.stat().st_mode & 0o77 == 0, "others can read the history")
        t = Typist("--history", str(file), HOME=home)
        want(t.line("y") == "nil", "a new shell")
        t.key("\x1b[A\x1b[A\n")
        t.until("\n" + PROMPT)
        want(t.line("y") == "42", "the line of the last time is not recalled")
        want(t.end() == 0, "exit status")
        t = Typist("--history", "/nowhere/lines")
        want(t.end() == 3, "a history that cannot be written")


def typed_run_that_is_lost():
    t = Typist()
    t.line("x = 1")
    size = int(re.search(r"VmSize:\s+(\d+)", pathlib.Path(f"/proc/{t.pid}/status").read_text())[1]) * 1024
    if size < 1 << 40:  # a sanitizer's memory cannot be limited
        resource.prlimit(t.pid, resource.RLIMIT_AS, (size + (96 << 20), resource.RLIM_INFINITY))
        got = t.line("a = eg.address(k.init_task) for i = 1, 1e9 do eg.name(k, a + 8) end")
        want("out of memory, with" in got and "variables are lost" in got, got)
        got = t.line("x"), t.line("k.init_task.tgid")
        want(got == ("nil", "0"), f"it does not go on: {got}")
    got = t.line("s = {} for i = 1, 1e9 do s[i] = ('x'):rep(1 << 20) .. i end")
    want("the script needs more than 524288 KiB of memory" in got, got)
    got = t.line("1")
    want(got == "1", f"it does not go on after a script's memory: {got}")
    want(t.end() == 0, "exit status")


# ---- fed ----

def fed_lines():
    done = run(text="x = 3\nx\nfor i = 1, 2 do\n  print(i)\nend\nk.init_task.comm\n")
    want((done.returncode, done.stdout, done.stderr) == (0, '3\n1\n2\n"swapper/0"\n', ""), done)
    # A table that is in itself at all places: printed to a bound, not 100 * 100 * 100 * 100 times.
    done = run(text="t = {} for i = 1, 100 do t[i] = t end\nt\n")
    want(done.returncode == 0 and "…" in done.stdout and 2000 < len(done.stdout) < 100000, (done.returncode, len(done.stdout)))
    done = run(text="nothing.x\n1\n")
    want(done.returncode == 3 and done.stdout == "1\n" and "input:1:" in done.stderr, done)
    done = run(text="f(\n")
    want(done.returncode == 3 and "in the middle" in done.stderr, done)
    done = run(text="1\nquit()\n2\n")
    want((done.returncode, done.stdout) == (0, "1\n"), done)
    want(run(text="print('no newline')").stdout == "no newline\n", "the last line")


def fed_code():
    want(code("x = 2", "x * 2", "print(x)") == "4\n2\n", "-e")
    done = run("-e", "error('no')", "-e", "print('after')")
    want(done.returncode == 3 and not done.stdout and "-e:1: no" in done.stderr, done)
    done = run("-e", "f(")
    want(done.returncode == 3 and "not complete" in done.stderr, done)
    want(run("-e", "1", "x.lua").returncode == 1, "-e and a file")


def fed_files():
    with tempfile.TemporaryDirectory(prefix="engram-shell-") as folder:
        file = pathlib.Path(folder) / "script.lua"
        file.write_text("local function f(t)\n  return t.commm\nend\nprint(k.init_task.comm)\nlocal x = f(k.init_task)\n")
        done = run(str(file))
        want(done.returncode == 3 and done.stdout == "swapper/0\n", done)
        want(f"{file}:2: task_struct has no member 'commm'" in done.stderr and "called from" in done.stderr, done)
        file.write_text("for t in linux.tasks(k) do if t.tgid == 1 then print(t.comm) end end\n")
        want(run(str(file)).stdout == "init\n", "a script")
        file.write_text("print(1) quit() print(2)\n")
        want(run(str(file)).stdout == "1\n", "quit() in a script")
        want(run(folder + "/none.lua").returncode == 1, "no file")
        want(run("/dev/null").returncode == 0, "an empty file")
    done = subprocess.run([ENGRAM, "-q", "shell", ENGRAM, "-e", "1"], capture_output=True, text=True)
    want(done.returncode == 2, "no image")


# ---- what it shows ----

def same_as_the_command():
    for lua, command in (
        ("pslist{pid = 1}", ["pslist", "--pid", "1"]),
        ("ps{pid = {1, 2}, threads = true}", ["pslist", "--pid", "1", "--pid", "2", "--threads"]),
        ("maps{pid = '1'}", ["maps", "--pid", "1"]),
        ("pstree()", ["pstree"]),
        ("lsmod{}", ["lsmod"]),
    ):
        for render in ("text", "json", "jsonl", "csv"):
            ours = run("-r", render, "-e", lua)
            theirs = run("-r", render, IMAGE, *command, shell=False)
            want(ours.stdout == theirs.stdout and theirs.stdout and ours.returncode == 0, f"{lua} as {render}: {ours}")
    symbol = hex(int(code("print(eg.lookup(k, 'linux_banner'))")) & (1 << 64) - 1)
    for lua, command in (
        ("hexdump('linux_banner', 40)", ["hexdump", IMAGE, "linux_banner", "40"]),
        (f"hexdump({symbol}, 40)", ["hexdump", IMAGE, "linux_banner", "40"]),
        ("hexdump(eg.physical(k), 0x1000, 16)", ["hexdump", IMAGE, "--phys", "0x1000", "16"]),
        ("hexdump(0x1000, 16)", ["hexdump", IMAGE, "0x1000", "16"]),
        ("hexdump('linux_banner+0x6', 16)", ["hexdump", IMAGE, "linux_banner+0x6", "16"]),
        ("hexdump(eg.physical(k), '4K', 16)", ["hexdump", IMAGE, "--phys", "4K", "16"]),
        ("what('init_task+0x10')", [IMAGE, "whatis", "--at", "init_task+0x10"]),
        ("what('init_task')", [IMAGE, "whatis", "--at", "init_task"]),
        ("what(eg.physical(k), 0x1000)", [IMAGE, "whatis", "--physical", "--at", "0x1000"]),
        ("dis('schedule', 3)", ["dis", IMAGE, "schedule", "3"]),
    ):
        ours, theirs = run("-e", lua), run(*command, shell=False)
        if "this build has no lib" not in theirs.stderr:
            want(ours.stdout == theirs.stdout and theirs.stdout, f"{lua}: {ours} {theirs}")
    ours = code("dt(eg.symbol(k, 'init_pid_ns', 'pid_namespace'))").splitlines()
    theirs = run("dt", IMAGE, "pid_namespace", "init_pid_ns", shell=False).stdout.splitlines()
    want(len(ours) == len(theirs) > 5 and [r.split() for r in ours[2:]] == [r.split() for r in theirs[2:]], "dt(object)")
    want(len(code("dt('task_struct', k.init_task, 1)").splitlines()) > 50, "dt(type, place, depth)")
    want(code("dt('task_struct', 'init_task', 1)") == code("dt('task_struct', k.init_task, 1)"), "dt(type, text)")
    want(code("dt('list_head')").startswith("struct list_head {\n"), "dt(type)")
    want("init_task" in code("what(k.init_task)"), "what(cursor)")
    want(len(code("hexdump(k.init_task.tasks)").splitlines()) == 2, "hexdump of a cursor is all of it")


def same_values_as_plugins():
    """Walkers of values, and elements by number."""
    got = code("for cpu in linux.cpus(k) do print(cpu, linux.percpu(k.runqueues, cpu).cpu) end",
               "print(#eg.rows('info', {}) > 0)",
               "for _, cpu in ipairs {99, -1, 1 << 32, math.maxinteger} do print(linux.percpu(k.runqueues, cpu)) end",
               "n = 0 for rq in linux.percpu(k.runqueues) do n = n + 1 print(rq == linux.percpu(k.runqueues, n - 1)) end",
               "print(eg.ok(linux.percpu(k.no_such, 0)), pcall(linux.percpu, k.runqueues, 'x'))")
    want(got == "0\t0\n1\t1\ntrue\n" + 4 * "nil\n" + 2 * "true\n" + "false\tfalse\tbad argument #2 to '?' (number "
         "expected, got string)\n", f"CPUs: {got}")
    got = code("rows = {} for _, r in ipairs(eg.rows('envars')) do rows[#rows + 1] = r end", "n = 0",
               "for t in linux.tasks(k) do for key, value in linux.envars(t) do n = n + 1 "
               "assert(rows[n].PID == t.tgid and rows[n].KEY == key and rows[n].VALUE == value) end end",
               "print(n == #rows and n > 20)")
    want(got == "true\n", f"variables: {got}")


def code_with_names():
    done = run("-e", "dis('schedule', 200)")
    if "this build has no lib" in done.stderr:
        return
    rows = done.stdout.splitlines()
    want(done.returncode == 0 and len(rows) == 201, done)
    want(rows[1].split()[1] == "schedule" and rows[2].split()[1].startswith("schedule+0x"), rows[1:3])
    targets = [r for r in rows if re.search(r" (call|bl) ", r)]
    want(targets and all(not re.search(r"0x[0-9a-f]+$", r.strip()) for r in targets), targets)
    done = run("-e", "dis(0x1000)")
    want("not mapped" in done.stdout + done.stderr, done)


def functions_are_described():
    there = set(code("for name in pairs(eg) do print(name) end").split())
    listed = re.findall(r"^  eg\.(\w+)\(", code("help()"), re.M)
    want(len(listed) == len(set(listed)), "lua/reference.c has a function twice")
    want(there - set(listed) == set(), f"functions of eg without an entry in lua/reference.c: {there - set(listed)}")
    want(set(listed) - there == set(), f"entries of lua/reference.c without a function: {set(listed) - there}")
    there = set(code("for name in pairs(linux) do print(name) end").split())
    listed = set(re.findall(r"^  linux\.(\w+)", code("help()"), re.M))
    want(there == listed and "tasks" in there, there ^ listed)
    for name in ("help", "dt", "hexdump", "dis", "what", "ps", "print", "quit"):
        want(code(f"help('{name}')").startswith(name + "("), name)
    want("usage: engram IMAGE pslist" in code("help(pslist)") == code("help('pslist')"), "help of a plugin")
    want(code("help(eg.list)") == code("help('eg.list')"), "help of a function")
    want(run("-e", "help('nothing')").returncode == 3, "help of nothing")


def page_says_what_is_so():
    """Each example of docs/shell.md, and what it is said to print."""
    page = (pathlib.Path(__file__).resolve().parent.parent / "docs" / "shell.md").read_text()
    blocks = re.findall(r"^```\n(.*?)^```$", page, re.M | re.S)
    n = 0
    for block in blocks:
        for part in re.split(r"^engram> ", block, flags=re.M)[1:]:
            lines = part.splitlines()
            more = [line for line in lines[1:] if line.startswith(MORE.rstrip())]
            said = lines[1 + len(more):]
            done = run(text="\n".join([lines[0]] + [line[len(MORE):] for line in more]) + "\n")
            want(done.stdout.splitlines() == said and done.returncode == 0, f"{lines[0]}: {done.stdout} {done.stderr}")
            n += 1
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *said = part.splitlines()
            command = command.replace("engram shell IMAGE", f"'{ENGRAM}' -q shell '{IMAGE}'")
            done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
            want(done.stdout.splitlines() == said, f"{command}: {done.stdout} {done.stderr}")
            n += 1
    want(n >= 10, f"only {n} examples")


def a_new_plugin():
    with tempfile.TemporaryDirectory(prefix="engram-new-") as folder:
        file = folder + "/mine.lua"
        want(run("new", file, shell=False).returncode == 0, "new")
        want(run("new", file, shell=False).returncode == 1, "new writes over a file")
        done = run("--plugin-dir", folder, IMAGE, "mine", "--pid", "1", "-r", "csv", shell=False)
        want(done.returncode == 0 and "init" in done.stdout and len(done.stdout.splitlines()) == 2, done)
        done = run("--plugin-dir", folder, "-e", "mine{pid = 1}")
        want(done.returncode == 0 and "init" in done.stdout, done)
        for bad in ("pslist.lua", "mine", "1st.lua", "a-b.c", ".lua", "nowhere/x.lua"):
            want(run("new", f"{folder}/{bad}", shell=False).returncode in (1, 2), bad)
        want(run("new", folder + "/other.c", shell=False).returncode == 0, "new in C")
        want('EG_PLUGIN(other) = {' in pathlib.Path(folder, "other.c").read_text(), "in C")


def main():
    global ENGRAM, IMAGE
    ENGRAM, IMAGE = (str(pathlib.Path(p).resolve()) for p in sys.argv[1:3])
    tests = [f for name, f in globals().items() if callable(f) and getattr(f, "__module__", "") == "__main__" and
             re.match("typed_|fed_|same_|code_with|functions_|page_|a_new", name)]
    tests = [f for f in tests if not sys.argv[3:] or f.__name__ in sys.argv[3:]]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for n, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {n} - {test.__name__}", flush=True)
        except Skip as e:
            print(f"ok {n} - {test.__name__} # SKIP {e}", flush=True)
        except (Failed, IndexError) as e:
            failed += 1
            print(f"not ok {n} - {test.__name__}", *str(e).split("\n"), sep="\n# ", flush=True)
        for typist in Typist.all:  # whose test has failed
            os.kill(typist.pid, signal.SIGKILL)
            os.waitpid(typist.pid, 0)
        Typist.all.clear()
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
