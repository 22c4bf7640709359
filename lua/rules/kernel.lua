-- kernel - what was changed in the kernel or hides in it: calls that lead elsewhere, code that is not its file's, modules off the lists.

local NOBODY = "code of no module that is listed, nor of the kernel"

-- Of HINTS what says only where a module is from.
local function only_unsigned(hints)
  for hint in (hints .. "; "):gmatch("(.-); ") do
    if hint ~= "" and not hint:find("^the module is not") then return false end
  end
  return true
end

-- Of a list of columns those that the plugin has.
local function present(has, names)
  local out = {}
  for _, name in ipairs(names or {}) do
    if has[name] then out[#out + 1] = name end
  end
  return #out > 0 and out or nil
end

-- A rule about plugins whose HINTS say what is odd; `unsigned`: how serious it is where that is only that the module is not of the
-- kernel's tree, or not signed. Columns that a plugin lacks are not shown, and a plugin that this build lacks has
-- no rule.
local function hinted(r)
  local has = columns(r.plugin)
  if not has then return end
  r.show, r.key = present(has, r.show), present(has, r.key)
  r.title = r.title:gsub(" ?{([A-Z_]+)}", function(name) return not has[name] and "" or nil end)
  r.where = r.where or "HINTS ~ ."
  local severe, unsigned = r.match, r.unsigned or "low"
  r.unsigned = nil
  r.match = function(row)
    local hints = type(row.HINTS) == "string" and row.HINTS or ""
    if only_unsigned(hints) then return unsigned end
    return not severe or severe(row, hints)
  end
  r.benign = r.benign or "None that is known." .. (has.MODULE
    and " Of a module that is only not of the kernel's tree, or not signed (DKMS), it is " .. unsigned .. "." or "")
  r.attack = r.attack or "T1014"
  r.hits = r.hits or { { HINTS = NOBODY }, { HINTS = "the module is not signed" } }
  r.misses = r.misses or { { HINTS = "" }, {} }
  for _, list in ipairs { r.hits, r.misses } do
    for _, row in ipairs(list) do
      for name in pairs(row) do
        if not has[name] then row[name] = nil end
      end
    end
  end
  return rule(r)
end

-- ---- how the kernel is entered, and its code ----

hinted {
  id = "system-call", title = "System calls lead to other functions than their own", severity = "critical", plugin = "syscalls",
  show = { "TABLE", "INDEX", "CALL", "SYMBOL", "MODULE", "CODE_SYMBOL", "LIVE", "EXPECTED", "HINTS" },
  why = "Whoever answers a system call decides what programs see of files, processes and connections.",
  match = function(row, hints)
    return (row.LIVE == "code" and not hints:find("the switch leads", 1, true)) and "high" or true
  end,
  hits = { { TABLE = "64", INDEX = 217, LIVE = "table", HINTS = NOBODY },
    { TABLE = "64", INDEX = 217, LIVE = "code", HINTS = "the switch leads to " .. NOBODY .. "; table and switch differ" } },
}
hinted {
  id = "interrupt-gate", title = "Gates of the interrupt table lead to other functions than their own", severity = "critical", plugin = "idt",
  show = { "CPU", "INDEX", "VECTOR", "NAME", "FUNCTION", "SYMBOL", "MODULE", "EXPECTED", "HINTS" },
  why = "A gate is where the processor goes on an exception, an interrupt or an old system call.",
}
hinted {
  id = "descriptor", title = "Descriptor tables are not the kernel's", severity = "critical", plugin = "descriptors",
  show = { "CPU", "TABLE", "INDEX", "KIND", "NAME", "VALUE", "EXPECTED", "HINTS" },
  why = "A call gate or segment of its own lets a program run code with the kernel's rights.",
}
hinted {
  id = "entry-point", title = "The processor enters the kernel at another place than the kernel's own", severity = "critical", plugin = "entrypoints",
  show = { "CPU", "NAME", "VALUE", "FUNCTION", "SYMBOL", "MODULE", "EXPECTED", "HINTS" },
  why = "Registers of the processor say where system calls begin.",
}
hinted {
  id = "kernel-code", title = "Code of {MODULE} was changed", severity = "critical", plugin = "kernelcode",
  key = { "MODULE" }, show = { "MODULE", "SYMBOL", "ADDRESS", "KIND", "DISASM", "EXPECTED_DISASM", "DESTINATION_NAME", "HINTS" },
  why = "Code of the kernel was written over: a function leads elsewhere, or does something else.",
  hits = { { MODULE = "kernel", HINTS = "leads to code of nobody" } },
}
hinted {
  id = "static-call", title = "Static calls lead to other functions than their own", severity = "critical", plugin = "staticcalls",
  show = { "NAME", "FUNCTION", "SYMBOL", "MODULE", "ADDRESS", "DISASM", "HINTS" },
  why = "A static call is a direct call in the kernel's code, which is patched when its target changes.",
}
hinted {
  id = "jump-label", title = "Jump labels do not say what their keys do", severity = "high", plugin = "jumplabels",
  show = { "NAME", "ENABLED", "ADDRESS", "SYMBOL", "MODULE", "DISASM", "HINTS" },
  why = "An instruction that the kernel patches was patched by somebody else.",
  benign = "A key that was being switched when the image was taken.",
}
hinted {
  id = "vdso", title = "The vdso that processes run is not the kernel's", severity = "high", plugin = "vdso",
  show = { "ADDRESS", "BYTES", "EXPECTED_BYTES", "DISASM", "HINTS" },
  why = "Every process runs its code, without a system call.",
}
hinted {
  id = "kernel-memory", title = "Page tables of the kernel allow what they must not, or lack what they must have", severity = "high", plugin = "kernelmap",
  show = { "START", "END", "PROTECTION", "KIND", "MODULE", "HINTS" },
  why = "Code that can be written, executable memory of nobody, executable pages that are zeros or absent in the image, pages that were "
    .. "taken from the direct map: hidden code, or an acquisition that was lied to.",
  benign = "Secret memory of programs (memfd_secret) is not in the direct map either.",
  match = function(row, hints) return hints == "RAM that the direct map lacks" and "medium" or true end,
  hits = { { HINTS = "writable and executable" }, { HINTS = "executable, but the page is zeros" },
    { HINTS = "RAM that the direct map lacks" } },
}
hinted {
  id = "ram-relabelled", title = "The views of what is RAM contradict each other", severity = "high", plugin = "ramviews",
  show = { "START", "END", "IOMEM", "E820", "FIRMWARE", "MEMBLOCK", "PAGES_USE", "IMAGE", "HINTS" },
  why = "Tools that acquire memory go by /proc/iomem: what is not called RAM there is not read.",
  benign = "None that is known; mem= and memmap= on the command line change all views alike.",
  attack = "T1562",
}

-- ---- modules ----

hinted {
  id = "hidden-module", title = "Module {MODULE} is hidden, or code is of no module", severity = "high", plugin = "hidden_modules",
  key = { "MODULE" }, show = { "START", "END", "STATE", "TAINTS", "FOUND_BY", "HINTS" },
  why = "Traces of a module are in memory, and the lists that lsmod and sysfs show lack it.",
  benign = "A module that was being loaded or removed when the image was taken.",
  hits = { { MODULE = "x", HINTS = "not on the list of modules: its links were poisoned" } },
}
hinted {
  id = "altered-module", title = "Module {MODULE} was changed to leave fewer traces", severity = "high", plugin = "modxview",
  where = "LISTED = true and SYSFS = true and HINTS ~ .",
  key = { "MODULE" }, show = { "LISTED", "SYSFS", "TREE", "SYMBOLS", "FTRACE", "TAINTS", "HINTS" },
  why = "A module that is listed and has taken itself from other places is being hidden.",
  benign = "A module that was being loaded or removed when the image was taken.",
  hits = { { MODULE = "x", LISTED = true, SYSFS = true, HINTS = "not in the tree of modules" } },
  misses = { { MODULE = "x", LISTED = true, SYSFS = true }, { MODULE = "x", LISTED = false, SYSFS = true, HINTS = "not on the list" } },
}
hinted {
  id = "taints", title = "The kernel's taints do not fit its modules and its log", severity = "high", plugin = "taints",
  show = { "TAINTS", "MEANING", "MODULES", "TEXT", "HINTS" },
  why = "A module that is not signed, or was forced, taints the kernel for ever: somebody cleared that.",
  attack = "T1070",
}

-- ---- hooks ----

-- The last word: how serious it is where a module of another origin has it, as drivers have notifiers, and few have probes.
local hooks = {
  { "optables", "function-table", "Tables of functions lead to code that is not theirs" },
  { "lsm", "security-hook", "Hooks of security modules lead to other functions than their own", "medium" },
  { "notifiers", "notifier", "Notifiers lead to code that did not come with the kernel" },
  { "binfmts", "binary-format", "Binary formats lead to code that did not come with the kernel" },
  { "cryptos", "cipher", "Ciphers of the kernel lead to code that did not come with the kernel" },
  { "ftrace", "ftrace-hook", "Functions of the kernel are hooked by ftrace, to code that did not come with the kernel", "medium" },
  { "kprobes", "kprobe-hook", "Probes of the kernel lead to code that did not come with the kernel", "medium" },
  { "uprobes", "uprobe-hook", "Probes of programs lead to code that did not come with the kernel", "medium" },
  { "tracepoints", "tracepoint-hook", "Tracepoints lead to code that did not come with the kernel", "medium" },
  { "perf_events", "perf-hook", "Events of perf lead to code that did not come with the kernel" },
  { "livepatches", "livepatch", "Live patches that are odd" },
  { "ktimers", "kernel-timer", "Timers of the kernel lead to code that did not come with the kernel" },
  { "workqueues", "work-item", "Work of workqueues leads to code that did not come with the kernel" },
  { "deferred", "deferred-call", "Deferred calls lead to code that did not come with the kernel" },
  { "interrupts", "interrupt-handler", "Interrupts are handled by code that did not come with the kernel" },
  { "sysctl", "parameter-handler", "Parameters of the kernel are read and written by code that did not come with the kernel" },
  { "coderefs", "code-reference", "Data of the kernel lead to code or data that did not come with it" },
}
for _, h in ipairs(hooks) do
  hinted {
    id = h[2], title = h[3], severity = "high", plugin = h[1], unsigned = h[4],
    show = { "KIND", "NAME", "NAME_OFFSET", "POINTS_TO", "KEY", "IRQ", "TABLE", "MEMBER", "HOOKED", "CHAIN", "FUNCTION", "SYMBOL", "MODULE", "USED_BY", "DETAIL", "HINTS" },
    why = "The kernel calls what these pointers lead to: rootkits filter, wait and wake there.",
  }
end

hinted {
  id = "netfilter-hook", title = "A hook of netfilter leads to code that did not come with the kernel", severity = "high", plugin = "netfilter",
  show = { "NS", "FAMILY", "HOOK", "PRIORITY", "FUNCTION", "SYMBOL", "MODULE", "HINTS", "OFFSET" },
  why = "Packets are given to code of no module that is listed: backdoors wait there for a packet that wakes them.",
  attack = "T1205",
}

rule {
  id = "kernel-thread-of-nobody",
  title = "Kernel thread {NAME} ({PID}) runs code of no module",
  severity = "high",
  plugin = "kthreads",
  where = "FUNCTION > 0 and MODULE is missing",
  key = { "PID" },
  show = { "NAME", "FUNCTION", "SYMBOL" },
  why = "What it was made to run is in no module that is listed, nor in the kernel.",
  benign = "A module that was removed and left its thread running.",
  attack = "T1014",
  hits = { { PID = 5, NAME = "x", FUNCTION = 1 } },
  misses = { { PID = 5, NAME = "x", FUNCTION = 1, MODULE = "kernel" }, { PID = 5, NAME = "kthreadd" } },
}

-- ---- BPF ----

-- What firewalls and load balancers do too.
local ORDINARY = { ["compares packets with a number of four bytes"] = true, ["no link, process or path holds the program"] = true }

local function bpf(row, hints)
  local function has(text) return hints:find(text, 1, true) end
  if has("not in the") or has("machine code") or has("of the kernel") or has("no group has it") or has("does not work in") then return true end
  if has("attached to") and (has("writes memory of processes") or has("changes what functions return")) then return true end
  for hint in (hints .. "; "):gmatch("(.-); ") do
    if hint ~= "" and not ORDINARY[hint] then return "medium" end
  end
  return "low"
end
hinted {
  id = "bpf-program", title = "BPF program {BPF_ID} {BPF_NAME} is hidden, changed or dangerous", severity = "high", plugin = "bpfprogs",
  key = { "BPF_ID", "BPF_NAME" }, show = { "KIND", "TAG", "COMM", "PID", "PINNED", "ATTACHED", "HELPERS", "COMPARES", "HINTS" },
  why = "A program that no table has, whose machine code is not its instructions', that writes other programs' memory, or that sits where "
    .. "folders are listed, BPF is loaded, signals are sent, or security modules decide.",
  benign = "Tracers and endurance tests that write into programs, products that protect a machine: medium. Firewalls that compare packets: low.",
  match = bpf,
  hits = { { BPF_ID = 1, HINTS = "not in the table of programs" }, { BPF_ID = 1, HINTS = "calls bpf_probe_write_user" },
    { BPF_ID = 1, HINTS = "attached to task_kill, may answer -1" } },
}
hinted {
  id = "bpf-map", title = "BPF map {MAP_ID} {MAP_NAME} is hidden or odd", severity = "high", plugin = "bpfmaps",
  key = { "MAP_ID", "MAP_NAME" }, show = { "KIND", "COMM", "PID", "PINNED", "HINTS" },
  why = "Maps that no table has keep the data of hidden programs.", match = bpf,
  hits = { { HINTS = "not in the table of maps" }, { HINTS = "pinned under an odd name" } },
}
hinted {
  id = "bpf-link", title = "BPF program {BPF_ID} {BPF_NAME} is attached in a hidden or odd way", severity = "high", plugin = "bpflinks",
  key = { "LINK_ID", "BPF_ID" }, show = { "KIND", "BPF_NAME", "ATTACHED_TO", "COMM", "PID", "HINTS" },
  why = "What keeps a program attached is in no table, a program works where no list has it, or it is where rootkits are.", match = bpf,
  hits = { { HINTS = "not in the table of links" }, { HINTS = "works in the group, and no group has it in its list" },
    { HINTS = "no link, process or path holds the program" } },
}

rule {
  id = "bpf-knock",
  title = "BPF program {BPF_ID} {BPF_NAME} waits for a packet, and nobody holds it",
  severity = "medium",
  plugins = { bpfprogs = "HINTS ~ 'compares packets'", bpflinks = "HINTS ~ 'holds the program'" },
  find = function(rows)
    local unheld, found = {}, {}
    for _, r in ipairs(rows.bpflinks) do unheld[r.BPF_ID or 0] = r.ATTACHED_TO end
    for _, r in ipairs(rows.bpfprogs) do
      if r.BPF_ID and unheld[r.BPF_ID] then
        found[#found + 1] = { BPF_ID = r.BPF_ID, BPF_NAME = r.BPF_NAME, KIND = r.KIND, ATTACHED_TO = unheld[r.BPF_ID], COMPARES = r.COMPARES }
      end
    end
    return found
  end,
  key = { "BPF_ID", "BPF_NAME" },
  show = { "KIND", "ATTACHED_TO", "COMPARES" },
  why = "It sees all packets before the machine does, looks for a number in them, and who loaded it has gone: a back door waits for its knock so.",
  benign = "Filters that an administrator's script loaded and left behind.",
  attack = "T1205",
  more = "bpfprogs --id {BPF_ID} --insns",
  hits = { { bpfprogs = { { BPF_ID = 7, HINTS = "compares packets with a number of four bytes" } },
    bpflinks = { { BPF_ID = 7, ATTACHED_TO = "eth0", HINTS = "no link, process or path holds the program" } } } },
  misses = { { bpfprogs = { { BPF_ID = 7, HINTS = "compares packets with a number of four bytes" } },
    bpflinks = { { BPF_ID = 8, ATTACHED_TO = "eth0", HINTS = "no link, process or path holds the program" } } } },
}
