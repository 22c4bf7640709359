-- timeline - what other plugins know the time of, in one order.

local function rows_of(name, args)
  local ok, rows = pcall(eg.rows, name, args)
  if ok then return rows end
  eg.note("nothing of " .. name .. ": " .. tostring(rows))
  return {}
end

return plugin {
  name = "timeline",
  os = "linux",
  help = "What happened when: boot, tasks that started, the kernel's log, the capture",
  manual = "The rows of boottime, pslist --threads and kmsg by time. Times of tasks and of the log count from boot: "
    .. "they move with the wall clock, and the log's clock stands still while the machine sleeps and differs from the "
    .. "others by fractions of a second. A line's PID is the process that its thread's id belongs to now, if there is one: ids "
    .. "are used again. Tasks that have ended and were waited for, and what the log's ring has "
    .. "overwritten, left no trace here.",
  columns = {
    { "TIME", "time", "when" },
    { "SOURCE", "text", "who says it: boottime, pslist, kmsg" },
    { "KIND", "text", "boot, process, thread, log, capture" },
    { "PID", "int", "process id; of the log's lines that of the thread" },
    { "TID", "int", "thread id; of the log's lines the thread that wrote it, where the kernel keeps that", "minor" },
    { "COMM", "text", "name of a task that started; it can change it" },
    { "TEXT", "text", "what happened; of the log the line" },
    { "OFFSET", "addr", "where the task_struct is", "minor" },
  },
  args = {
    { "pid", "int", "only events of these processes" },
    { "no-threads", "flag", "without threads that are not a process's first" },
  },
  uses = { "tasks" },
  run = function(k, args, row)
    local events = {}
    local function event(time, cells)
      if math.type(time) == "integer" and eg.matches("pid", cells.PID) then
        cells.TIME = time
        events[#events + 1] = { time, #events, cells }
      end
    end

    local boot, capture
    for _, b in ipairs(rows_of("boottime")) do
      boot, capture = boot or b.BOOT_TIME, capture or b.CAPTURE_TIME
    end
    event(boot, { SOURCE = "boottime", KIND = "boot", TEXT = "the machine was started" })
    local process = {} -- of the threads that are there
    for _, t in ipairs(rows_of("pslist", { threads = true })) do
      local kind = t.PID == t.TID and "process" or "thread"
      if math.type(t.TID) == "integer" then process[t.TID] = t.PID end
      if kind == "process" or not args["no-threads"] then
        event(t.CREATION_TIME, { SOURCE = "pslist", KIND = kind, PID = t.PID, TID = t.TID, COMM = t.COMM, OFFSET = t.OFFSET })
      end
    end
    if math.type(boot) == "integer" then
      for _, l in ipairs(rows_of("kmsg")) do
        local caller = type(l.CALLER) == "string" and l.CALLER:match("^T(%d+)$")
        local thread = caller and tonumber(caller)
        if math.type(l.TIMESTAMP) == "integer" then
          event(boot + l.TIMESTAMP, { SOURCE = "kmsg", KIND = "log", PID = process[thread], TID = thread, TEXT = l.TEXT })
        end
      end
    end
    event(capture, { SOURCE = "boottime", KIND = "capture", TEXT = "the image was taken" })
    if math.type(boot) ~= "integer" then eg.note("the time of boot is not known: nothing has a time") end

    table.sort(events, function(a, b) return a[1] < b[1] or a[1] == b[1] and a[2] < b[2] end)
    for _, e in ipairs(events) do row(e[3]) end
  end,
}
