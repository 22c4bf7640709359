-- orphans - what passes for a kernel thread and is none, or is one and does not look it.

-- What a kernel thread's name begins with: of "kworker/0:1-events" that is "kworker/".
local function stem(comm)
  return comm:match("^[%a_][%w_%-]*/") or comm:match("^[%a_][%a_%-]*[%a_]")
end

return plugin {
  name = "orphans",
  os = "linux",
  help = "List look-alikes of kernel threads, and kernel threads with memory or the wrong parent",
  manual = "A kernel thread has the flag PF_KTHREAD, no memory of its own, and kthreadd (process 2) as parent. Names are "
    .. "held against those that the kernel's own threads have in this image. A thread that works in a process's memory "
    .. "for a while (aio, vhost) has that memory as active_mm, and so does a driver's that borrowed an mm: the reason says "
    .. "what was seen, not what it means. Programs that the kernel itself starts (modprobe) have a kernel thread as "
    .. "parent. A task that set the flag for itself and changed its parent too is not told apart here.",
  looks_for = { "look-alikes of kernel threads" },
  columns = {
    { "OFFSET", "addr", "where the task_struct is", "minor" },
    { "PID", "int", "process id" },
    { "PPID", "int", "process id of the real parent" },
    { "COMM", "text", "name; the task can change it" },
    { "KTHREAD", "bool", "has the flag PF_KTHREAD" },
    { "MM", "addr", "its memory; none of a kernel thread", "minor" },
    { "EXE", "text", "the file that runs" },
    { "REASON", "text", "what does not fit" },
  },
  args = { { "pid", "int", "only these processes" } },
  needs = { "task_struct.mm", "task_struct.comm" },
  uses = { "tasks", "is_kthread" },
  run = function(k, args, row)
    local stems, tasks = {}, {}
    local is_kthread, PF_EXITING = linux.is_kthread, linux.task_flags.PF_EXITING

    for t in linux.tasks(k) do
      tasks[#tasks + 1] = t
      local s = is_kthread(t) and type(t.comm) == "string" and stem(t.comm)
      if s and #s >= 4 then stems[s] = true end
    end

    for _, t in ipairs(tasks) do
      local comm, mm = t.comm, t.mm
      local at, ppid = eg.ok(mm) and eg.address(mm) or 0, eg.value(linux.ppid(t), -1)
      local why = {}
      local function say(text) why[#why + 1] = text end

      if not eg.matches("pid", t.pid) then
        goto continue
      elseif is_kthread(t) then
        if at ~= 0 then say("a kernel thread with memory of its own") end
        if t.pid ~= 2 and ppid ~= 2 then say("a kernel thread whose parent is not kthreadd") end
        if t.pid == 2 and ppid ~= 0 then say("kthreadd has a parent") end
      else
        local named = type(comm) == "string" and (comm:match("^%[.*%]$") or stems[stem(comm) or ""])
        local line = at ~= 0 and linux.args(t)
        if named and at ~= 0 then say("a kernel thread's name, and user memory") end
        if named and at == 0 then say("a kernel thread's name, not the flag of one") end
        local argv0 = type(line) == "string" and line:match("^[^\0]*") or ""
        if argv0:match("^%[.*%]$") then say("argv[0] in brackets, as ps shows kernel threads") end
        if ppid == 2 then say("a process whose parent is kthreadd") end
        if at == 0 and eg.value(t.flags, 0) & PF_EXITING == 0 and eg.ok(mm) then
          say("no memory, and neither a kernel thread nor ended")
        end
      end
      if #why > 0 then
        row { OFFSET = t, PID = t.pid, PPID = linux.ppid(t), COMM = comm, KTHREAD = is_kthread(t), MM = mm,
          EXE = at ~= 0 and linux.exe(t) or nil, REASON = table.concat(why, "; ") }
      end
      ::continue::
    end
  end,
}
