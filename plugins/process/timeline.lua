-- timeline - what other plugins know the time of, in one order.

-- "12.000345" seconds as ns: no floating point, no lost digit.
local function nanoseconds(text)
  local whole, part = text:match("^(%d+)%.(%d+)$")
  return whole and tonumber(whole) * 1000000000 + tonumber((part .. "00000000"):sub(1, 9))
end

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
    .. "others by fractions of a second. Tasks that have ended and were waited for, and what the log's ring has "
    .. "overwritten, left no trace here.",
  columns = {
    { "Time", "time", "when" },
    { "Source", "text", "who says it: boottime, pslist, kmsg" },
    { "Kind", "text", "boot, process, thread, log, capture" },
    { "PID", "int", "process id, of the log's lines the thread that wrote it, where the kernel keeps that" },
    { "Text", "text", "the name of the task, the line of the log" },
    { "Offset", "addr", "where the task_struct is", "minor" },
  },
  args = {
    { "pid", "int", "only events of these processes" },
    { "no-threads", "flag", "without threads that are not a process's first" },
  },
  uses = { "tasks" },
  run = function(k, args, row)
    local events = {}
    local function event(time, source, kind, pid, text, offset)
      if math.type(time) == "integer" and eg.matches("pid", pid) then
        events[#events + 1] = { time, #events, { Time = time, Source = source, Kind = kind, PID = pid, Text = text, Offset = offset } }
      end
    end

    local boot, capture
    for _, b in ipairs(rows_of("boottime")) do
      boot, capture = boot or b.Boot_Time, capture or b.Capture_Time
    end
    event(boot, "boottime", "boot", nil, "the machine was started")
    for _, t in ipairs(rows_of("pslist", { threads = not args["no-threads"] })) do
      event(t.CREATION_TIME, "pslist", t.PID == t.TID and "process" or "thread", t.PID, t.COMM, t.OFFSET)
    end
    if math.type(boot) == "integer" then
      for _, l in ipairs(rows_of("kmsg")) do
        local since = type(l.timestamp) == "string" and nanoseconds(l.timestamp)
        local thread = type(l.caller) == "string" and l.caller:match("^T(%d+)$")
        if since then event(boot + since, "kmsg", "log", thread and tonumber(thread), l.line) end
      end
    end
    event(capture, "boottime", "capture", nil, "the image was taken")
    if math.type(boot) ~= "integer" then eg.note("the time of boot is not known: nothing has a time") end

    table.sort(events, function(a, b) return a[1] < b[1] or a[1] == b[1] and a[2] < b[2] end)
    for _, e in ipairs(events) do row(e[3]) end
  end,
}
