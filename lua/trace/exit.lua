-- exit - threads and processes that end, and with what
on_call("do_exit", function(k, call)
  local code = call.args[1]
  local how = code & 127 ~= 0 and "signal " .. (code & 127) or "status " .. (code >> 8 & 255)
  if call.tid ~= call.pid then how = "thread " .. call.tid .. ", " .. how end
  row { EVENT = "exit", DETAIL = how }
end)
