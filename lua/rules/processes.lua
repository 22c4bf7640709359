-- processes - hidden tasks, foreign code, misleading names, rights that were taken.

-- A rule about single processes, by rows that have PID and COMM.
local function of_process(r)
  r.key = r.key or { "PID" }
  table.insert(r.show, 1, "COMM")
  r.more = r.more or r.plugin .. " --pid {PID}"
  return rule(r)
end

rule {
  id = "hidden-task",
  title = "Task {COMM} ({TID}) is hidden",
  severity = "high",
  plugin = "psxview",
  where = "VERDICT = hidden",
  key = { "TID" },
  show = { "PID", "COMM", "REASON", "OFFSET" },
  why = "The kernel runs it, or keeps it in one of its tables, while a list that ps and the like read lacks it.",
  benign = "None that is known: tasks that were made or ended while the image was taken are uncertain, not hidden.",
  attack = "T1014",
  more = "psxview --threads",
  hits = { { TID = 7, COMM = "x", VERDICT = "hidden", REASON = "taken off the task list: its link leads to itself" } },
  misses = { { TID = 7, COMM = "x", VERDICT = "normal" }, { TID = 7, COMM = "x", VERDICT = "uncertain" } },
}

rule {
  id = "uncertain-tasks",
  title = "The kernel's tables of tasks do not agree",
  severity = "low",
  plugin = "psxview",
  where = "VERDICT = uncertain",
  show = { "PID", "TID", "COMM", "REASON" },
  why = "A task is in one table and not in another, and nothing says that it was removed.",
  benign = "An image that took seconds to be taken: tasks were made and ended meanwhile.",
  attack = "T1014",
  hits = { { TID = 7, COMM = "x", VERDICT = "uncertain", REASON = "in no slab of tasks" } },
  misses = { { TID = 7, COMM = "x", VERDICT = "hidden" } },
}

of_process {
  id = "changed-credentials",
  title = "Credentials of {COMM} ({PID}) were changed or taken in a way that the kernel does not",
  severity = "high",
  plugin = "creds",
  where = "SCORE = 3",
  show = { "UID", "EUID", "USAGE", "USERS", "REASON" },
  why = "The kernel makes new credentials for every change, counts their users, and lets only threads of one process share them.",
  benign = "None that is known.",
  attack = "T1068",
  hits = { { PID = 5, SCORE = 3, REASON = "2 processes share it" } },
  misses = { { PID = 5, SCORE = 1, REASON = "root, whose parent is not and whose program is not set-user-id" } },
}

of_process {
  id = "root-from-nowhere",
  title = "{COMM} ({PID}) is root, its parent is not",
  severity = "medium",
  plugin = "creds",
  where = "SCORE = 1 and REASON ~ '^root, whose parent is not'",
  show = { "UID", "EUID", "REASON" },
  why = "A process becomes root by a set-user-id program or a service that is root; it is neither.",
  benign = "doas, some builds of su, and programs that a set-user-id program left behind.",
  attack = "T1548",
  hits = { { PID = 5, SCORE = 1, REASON = "root, whose parent is not and whose program is not set-user-id (doas and so on)" } },
  misses = { { PID = 5, SCORE = 2, REASON = "1 of its threads acts with other credentials" } },
}

of_process {
  id = "foreign-code",
  title = "{COMM} ({PID}) runs code that is of no file, or is not its file's",
  severity = "medium",
  plugin = "malfind",
  where = "WEIGHT != low",
  match = function(row) return row.WEIGHT == "high" or "low" end,
  show = { "PATH", "ADDRESS", "FLAGS", "WEIGHT", "REASON" },
  why = "Programs and libraries run from files, which the page cache holds to compare.",
  benign = "Compilers at run time that are not known yet, packers, debuggers, live patching of programs.",
  attack = "T1055",
  hits = { { PID = 5, WEIGHT = "high", REASON = "anonymous executable; header of an ELF program" },
    { PID = 5, WEIGHT = "medium", REASON = "anonymous, writable and executable" } },
  misses = { { PID = 5, WEIGHT = "low", REASON = "anonymous, writable and executable: a compiler" } },
}

of_process {
  id = "hollowed-program",
  title = "The code of {COMM} ({PID}) is not its program's",
  severity = "medium",
  plugin = "hollowing",
  show = { "EXE", "START", "PATH", "SIZE", "REASON" },
  why = "A process under a harmless name that runs other code than the program of that name.",
  benign = "Programs that change their own code, packers.",
  attack = "T1055.012",
  where = "REASON ~ .",
  hits = { { PID = 5, REASON = "anonymous memory is where the program belongs" } },
  misses = { { PID = 5, COMM = "x" } },
}

of_process {
  id = "hooked-functions",
  title = "Functions of {COMM} ({PID}) begin with other code than their file has",
  severity = "medium",
  plugin = "apihooks",
  where = "REASON ~ . and not REASON ~ '^a breakpoint'",
  show = { "PATH", "SYMBOL", "DESTINATION_NAME", "REASON" },
  why = "A function that is called from everywhere was made to lead elsewhere first.",
  benign = "Tracers and sanitizers that patch functions at run time.",
  attack = "T1574",
  hits = { { PID = 5, SYMBOL = "read", REASON = "begins with a jump to memory of no program or library" } },
  misses = { { PID = 5, SYMBOL = "read", REASON = "a breakpoint: of a debugger or a uprobe" } },
}

of_process {
  id = "hooked-tables",
  title = "Entries of offset tables of {COMM} ({PID}) do not lead where their symbols are",
  severity = "medium",
  plugin = "plthook",
  where = "REASON ~ .",
  show = { "PATH", "SYMBOL", "DESTINATION_NAME", "REASON", "HINTS" },
  why = "Calls of library functions go through these tables; the loader never writes such an entry.",
  benign = "Profilers and fault injectors that write into the tables.",
  attack = "T1574",
  hits = { { PID = 5, SYMBOL = "read", REASON = "leads to memory of no program or library" } },
  misses = { { PID = 5, SYMBOL = "read" } },
}

of_process {
  id = "interposed-functions",
  title = "A preloaded or late library takes over functions in {COMM} ({PID})",
  severity = "low",
  plugin = "plthook",
  where = "HINTS ~ '^interposed'",
  show = { "PATH", "SYMBOL", "DESTINATION_NAME", "HINTS" },
  why = "LD_PRELOAD is how user-land rootkits filter what programs see.",
  benign = "Allocators (jemalloc), fakeroot, stdbuf, sandboxes.",
  attack = "T1574.006",
  hits = { { PID = 5, SYMBOL = "readdir", HINTS = "interposed by a library that none asks for" } },
  misses = { { PID = 5, SYMBOL = "readdir", REASON = "leads into another object, but not to this symbol" } },
}

of_process {
  id = "hidden-library",
  title = "{COMM} ({PID}) has program code that its loader does not list",
  severity = "low",
  plugin = "ldrmodules",
  where = "IN_MAPS = true and IN_LIST = false and REASON ~ 'anonymous'",
  show = { "LOAD_ADDRESS", "PATH", "REASON", "HINTS" },
  why = "A library that was loaded by hand, from no file.",
  benign = "Programs that load plugins from memory.",
  attack = "T1620",
  hits = { { PID = 5, IN_MAPS = true, IN_LIST = false, REASON = "an ELF file in executable anonymous memory" } },
  misses = { { PID = 5, IN_MAPS = true, IN_LIST = false, REASON = "loaded by other means than the loader" } },
}

of_process {
  id = "memory-file-program",
  title = "{COMM} ({PID}) runs from a file that exists in memory only",
  severity = "medium",
  plugin = "deleted",
  where = "KIND = exe and REASON ~ '^(memfd|shared|System V|hugetlb)'",
  show = { "PATH", "REASON" },
  why = "No disk has the program: the usual way to run code without leaving a file.",
  benign = "runc and other container runtimes, which run a copy of themselves from a memory file.",
  attack = "T1620",
  hits = { { PID = 5, KIND = "exe", REASON = "memfd", PATH = "/memfd:x (deleted)" } },
  misses = { { PID = 5, KIND = "fd", REASON = "memfd", PATH = "/memfd:x (deleted)" },
    { PID = 5, KIND = "exe", REASON = "removed", PATH = "/tmp/x (deleted)" } },
}

of_process {
  id = "removed-program",
  title = "{COMM} ({PID}) runs from a file that was removed",
  severity = "low",
  plugin = "deleted",
  where = "KIND = exe and REASON = removed",
  show = { "PATH" },
  why = "Programs that remove themselves leave nothing to find on the disk.",
  benign = "Programs whose package was updated while they ran.",
  attack = "T1070.004",
  hits = { { PID = 5, KIND = "exe", REASON = "removed", PATH = "/tmp/x (deleted)" } },
  misses = { { PID = 5, KIND = "mapping", REASON = "removed", PATH = "/tmp/x (deleted)" } },
}

of_process {
  id = "misleading-name",
  title = "{COMM} ({PID}) hides what it is",
  severity = "medium",
  plugin = "spoofed",
  where = "SCORE = 3 and not EXE ~ '^/memfd:runc'",
  show = { "ARGV0", "EXE", "REASON" },
  why = "Its name is that of a kernel thread, has control characters, or it does not run the file that it is said to.",
  benign = "Programs that were packed.",
  attack = "T1036.004",
  hits = { { PID = 5, SCORE = 3, EXE = "/usr/bin/x", ARGV0 = "[kworker/9:9]" } },
  misses = { { PID = 5, SCORE = 2, EXE = "/usr/bin/x", REASON = "argv[0] is not exe's name" } },
}

rule {
  id = "kernel-thread-look-alike",
  title = "{COMM} ({PID}) passes for a kernel thread, or is an odd one",
  severity = "medium",
  plugin = "orphans",
  match = function(row) return row.REASON:find("with memory of its own", 1, true) and "low" or true end,
  where = "REASON ~ 'name|argv|whose parent is not kthreadd|kthreadd has a parent|no memory, and|memory of its own'",
  key = { "PID" },
  show = { "PPID", "COMM", "EXE", "REASON" },
  why = "Kernel threads are children of kthreadd and have no memory of programs.",
  benign = "Threads that work in a process's memory for a while (vhost, aio) have memory of their own.",
  attack = "T1036.004",
  more = "orphans --pid {PID}",
  hits = { { PID = 5, COMM = "kworker/0:3", REASON = "a kernel thread's name, and user memory" },
    { PID = 5, COMM = "x", REASON = "a kernel thread whose parent is not kthreadd" } },
  misses = { { PID = 5, COMM = "modprobe", REASON = "a process whose parent is kthreadd" } },
}

of_process {
  id = "unusual-rights",
  title = "{COMM} ({PID}) has rights that its user does not",
  severity = "info",
  plugin = "setuid",
  where = "NO_NEW_PRIVS = false and REASON ~ 'effective user|saved user|capabilities without being root'",
  show = { "UID", "EUID", "CAP_EFFECTIVE", "EXE", "REASON" },
  why = "Rights that a process keeps can be used by who takes it over.",
  benign = "Set-user-id programs and services that gave most of their rights away.",
  attack = "T1548.001",
  hits = { { PID = 5, NO_NEW_PRIVS = false, REASON = "effective user" } },
  misses = { { PID = 5, NO_NEW_PRIVS = false, REASON = "root without all capabilities" } },
}

rule {
  id = "preload-file",
  title = "/etc/ld.so.preload is there",
  severity = "medium",
  plugin = "ldpreload",
  where = "KEY = /etc/ld.so.preload",
  show = { "VALUE", "HINTS" },
  why = "Every program loads the libraries that it names: how user-land rootkits reach all of them.",
  benign = "Some security and monitoring agents, embedded systems with a library of their own.",
  attack = "T1574.006",
  hits = { { KEY = "/etc/ld.so.preload", VALUE = "/lib/x.so" } },
  misses = { { KEY = "LD_PRELOAD", VALUE = "/lib/x.so" } },
}

of_process {
  id = "preload-variable",
  title = "{COMM} ({PID}) was started with {KEY}",
  severity = "low",
  plugin = "ldpreload",
  where = "KEY = LD_PRELOAD or KEY = LD_AUDIT",
  match = function(row)
    local value = type(row.VALUE) == "string" and row.VALUE or ""
    for path in value:gmatch("[^: ]+") do
      if path:find("^/dev/") or path:find("^/tmp/") or path:find("^/var/tmp/") or path:find("/%.") then return "medium" end
    end
    return true
  end,
  key = { "PID", "KEY" },
  show = { "VALUE", "MAPPED", "HINTS" },
  why = "The library gets before all others.",
  benign = "Allocators (jemalloc), fakeroot, stdbuf, sandboxes, games. A library in /tmp or /dev/shm, or under a hidden name, is medium.",
  attack = "T1574.006",
  hits = { { PID = 5, KEY = "LD_PRELOAD", VALUE = "/tmp/x.so" } },
  misses = { { PID = 5, KEY = "LD_LIBRARY_PATH", VALUE = "/tmp" } },
}

rule {
  id = "own-pid-namespace",
  title = "{COMM} ({PID}) has a pid namespace of its own",
  severity = "info",
  plugin = "namespaces",
  where = "TYPE = pid and INITIAL = false and NPROCS > 0",
  key = { "NS" },
  show = { "NS", "PID", "COMM", "NPROCS", "PIDS" },
  why = "What is in it has other numbers there, and sees nothing of what is outside.",
  benign = "Containers, sandboxes of browsers, services of systemd.",
  attack = "T1564",
  hits = { { NS = 5, TYPE = "pid", INITIAL = false, NPROCS = 2, PID = 7, COMM = "x" } },
  misses = { { NS = 5, TYPE = "pid", INITIAL = true, NPROCS = 2, PID = 1, COMM = "init" }, { NS = 6, TYPE = "mnt", INITIAL = false, NPROCS = 2, PID = 7 } },
}

of_process {
  id = "traced-process",
  title = "{COMM} ({PID}) is traced by another process",
  severity = "info",
  plugin = "ptrace",
  where = "TRACER_TID > 0",
  show = { "TRACER_TID" },
  why = "A tracer reads and writes the other's memory and registers.",
  benign = "Debuggers, strace, crash handlers.",
  attack = "T1055.008",
  hits = { { PID = 5, TRACER_TID = 6 } },
  misses = { { PID = 5 } },
}

local rings = columns "io_uring"
if rings and rings.WORKS_ON then
  of_process {
    id = "io-uring-network",
    title = "{COMM} ({PID}) works on the network by io_uring",
    severity = "low",
    plugin = "io_uring",
    where = "WORKS_ON ~ network",
    show = { "KIND", "OPCODE", "TARGET" },
    why = "What goes through a ring needs no system calls, which is what most monitors watch.",
    benign = "Servers that are made for it: databases, proxies, QEMU.",
    attack = "T1562.001",
    hits = { { PID = 5, COMM = "x", WORKS_ON = "network", OPCODE = "RECV" } },
    misses = { { PID = 5, COMM = "x", WORKS_ON = "files", OPCODE = "READ" } },
  }
end
