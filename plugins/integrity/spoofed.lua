-- spoofed - the three names of a process: comm, argv[0], and the file that runs; and whether it runs that file.

local function base(path)
  return (path:gsub(" %(deleted%)$", ""):match("[^/]*$"))
end

-- What a kernel thread's name begins with: of "kworker/0:1-events" that is "kworker/".
local function stem(comm)
  return comm:match("^[%a_][%w_%-]*/") or comm:match("^[%a_][%a_%-]*[%a_]")
end

-- The names that this kernel's own threads have, and those that any kernel has.
local function kernel_names(k)
  local stems = { ["kworker/"] = true, ["ksoftirqd/"] = true, ["migration/"] = true, ["cpuhp/"] = true, ["irq/"] = true,
    ["idle_inject/"] = true, ["kthreadd"] = true, ["kswapd"] = true, ["kdevtmpfs"] = true, ["khugepaged"] = true,
    ["kcompactd"] = true, ["ksmd"] = true, ["kauditd"] = true, ["khungtaskd"] = true, ["rcu_preempt"] = true,
    ["rcu_sched"] = true, ["watchdogd"] = true, ["jbd2/"] = true }
  for t in linux.tasks(k) do
    if linux.is_kthread(t) and type(t.comm) == "string" then
      local s = stem(t.comm)
      if s and #s >= 4 then stems[s] = true end
    end
  end
  return stems
end

local function looks_kernel(name, stems)
  local inner = name:match("^%[(.*)%]$")
  local s = stem(inner or name)
  return inner ~= nil or s ~= nil and stems[s] == true
end

-- How much a reason means: see the column SCORE.
local EXPLAINED, NAMED, CHANGED, HIDDEN = 0, 1, 2, 3

-- Is the file's name the other one with a version behind it, as python3.11's is python3?
local function is_version(file, name)
  return file:sub(1, #name) == name and file:sub(#name + 1):match("^[-.%d]+$") ~= nil
end

-- What systemd calls its children until they run a service, and the one that keeps a session open: "(sd-pam)".
local function of_systemd(comm, file)
  return comm:match("^%(.*%)?$") ~= nil and (file == "systemd" or file == "systemd-executo")
end

-- Is any of its mappings of the file that it is said to run? Files of overlayfs are mapped through those below, which have the
-- same path. True where that cannot be told.
local function runs_own_program(mm)
  local inode, any = eg.address(linux.file_inode(mm.exe_file)), false
  local path
  for vma in linux.vmas(mm) do
    any = true
    local file = vma.vm_file
    if not eg.ok(file) then return true end
    if eg.address(file) ~= 0 then
      local own = eg.address(linux.file_inode(file))
      if not own or not inode or own == inode then return true end
      path = path or linux.file_path(mm.exe_file)
      if linux.file_path(file) == path then return true end
    end
  end
  return not any
end

-- Why these names are worth a look, and the greatest score of that.
local function reasons(comm, arguments, exe, stems)
  local why, most = {}, EXPLAINED
  local function say(score, text)
    why[#why + 1] = text
    most = math.max(most, score)
  end
  local argv0 = arguments[1]
  local file = base(exe):sub(1, 15)
  local shown = argv0 and base(argv0:match("^%-?(.-):? *$")):sub(1, 15)

  if looks_kernel(comm, stems) and file ~= comm then
    say(HIDDEN, "comm is a kernel thread's, the process has user memory")
  end
  if argv0 and looks_kernel(argv0, stems) and (base(argv0):sub(1, 15) ~= file or argv0:find("^%[")) then
    say(HIDDEN, "argv[0] is a kernel thread's, the process has user memory")
  end
  if not argv0 or argv0 == "" then say(CHANGED, "no argv[0]") end
  if (comm .. (argv0 or "")):find("[\0-\31\127]") then say(HIDDEN, "control characters in a name") end
  if comm:find("^%s") or comm:find("%s$") then say(CHANGED, "comm begins or ends with a blank") end
  if exe:match("^/memfd:") then
    say(HIDDEN, "the program is a memory file")
  elseif comm ~= file and comm ~= shown then
    local script
    for i = 2, math.min(#arguments, 8) do script = script or base(arguments[i]):sub(1, 15) == comm end
    if script then
      say(EXPLAINED, "comm is a script's, exe its interpreter")
    elseif shown == file then
      say(CHANGED, "comm was changed: argv[0] and exe agree")
    else
      say(CHANGED, "comm is neither exe's nor argv[0]'s")
    end
  elseif comm == shown and comm ~= file then
    if of_systemd(comm, file) then
      say(EXPLAINED, "systemd, before it runs a service or to keep a session")
    elseif is_version(base(exe), comm) then
      say(EXPLAINED, "exe is a version of the name that comm and argv[0] have")
    else
      say(NAMED, "exe has another name than comm and argv[0]: started by a link, or named so")
    end
  elseif shown and shown ~= file and argv0 ~= "" then
    local title = argv0:find("[ :]") and (base(argv0:match("^[^ :]*")):sub(1, 15) == comm)
    if title then
      say(EXPLAINED, "argv[0] is a title")
    elseif is_version(base(exe), shown) then
      say(EXPLAINED, "exe is a version of the name that argv[0] has")
    else
      say(CHANGED, "argv[0] is not exe's name")
    end
  end
  return why, most
end

return plugin {
  name = "spoofed",
  os = "linux",
  help = "List processes whose comm, argv[0] and program disagree, and why",
  manual = "comm and argv[0] are the process's to change; the program's path is the kernel's own. A process whose name is "
    .. "in brackets, or is that of a kernel thread here, is told from a kernel thread by its user memory. Programs that "
    .. "are several in one (busybox), interpreters, and services that write a title into argv[0] disagree for a good "
    .. "reason: the highest SCORE comes first, and --unexplained leaves out 0 and 1. In a program that was copied to a "
    .. "file with a harmless name, and started from that, nothing disagrees: look at EXE in maps and deleted. prctl "
    .. "(PR_SET_MM_EXE_FILE) can give a process another path: none of its mappings is of that file then.",
  aliases = { "suspicious_names", "process_spoofing", "linux.malware.process_spoofing.ProcessSpoofing" },
  looks_for = { "misleading names of processes" },
  columns = {
    { "SCORE", "int", "3: it hides what it is; 2: a name was changed; 1: started by a link, or named so; 0: a script, a title or "
      .. "a version in the file's name explains it" },
    { "PID", "int", "process id" },
    { "PPID", "int", "process id of the real parent" },
    { "COMM", "text", "name; at most 15 bytes" },
    { "ARGV0", "text", "the first argument" },
    { "EXE", "text", "the file that runs" },
    { "REASON", "text", "what disagrees" },
  },
  args = {
    { "pid", "int", "only these processes" },
    { "unexplained", "flag", "only scores 2 and 3: without what links, scripts and titles explain" },
  },
  needs = { "task_struct.comm" },
  uses = { "tasks", "is_kthread", "exe", "args", "vmas", "file_inode", "file_path" },
  run = function(k, args, row)
    local stems = kernel_names(k)
    local rows = {}
    local function add(score, t, comm, argv0, exe, reason)
      if score >= CHANGED or not args.unexplained then
        rows[#rows + 1] = { at = #rows, SCORE = score, PID = t.pid, PPID = linux.ppid(t), COMM = comm, ARGV0 = argv0,
          EXE = exe, REASON = reason }
      end
    end

    for t in linux.tasks(k) do
      local mm, comm = t.mm, t.comm
      if eg.matches("pid", t.pid) and eg.ok(mm) and eg.value(eg.address(mm), 0) ~= 0 and type(comm) == "string" then
        local exe, line = linux.exe(t), linux.args(t)
        local arguments = {}
        for a in (type(line) == "string" and line .. "\0" or ""):gmatch("([^\0]*)\0") do arguments[#arguments + 1] = a end
        if type(exe) == "string" and type(line) == "string" then
          local why, score = reasons(comm, arguments, exe, stems)
          if not runs_own_program(mm) then
            why[#why + 1] = "none of its mappings is of its program: changed by prctl, or unmapped as packers do"
            score = HIDDEN
          end
          if #why > 0 then add(score, t, comm, arguments[1], exe, table.concat(why, "; ")) end
        elseif type(exe) ~= "string" and eg.address(mm.exe_file) ~= 0 then
          add(CHANGED, t, comm, arguments[1], exe, "the program's path cannot be read")
        end
      end
    end
    table.sort(rows, function(a, b) return a.SCORE > b.SCORE or a.SCORE == b.SCORE and a.at < b.at end)
    for _, found in ipairs(rows) do
      found.at = nil
      row(found)
    end
  end,
}
