-- hooks - code that is hooked: probes, ftrace, writable text, the table of system calls
on_call("register_kprobe", function(k, call)
  local p = call.args.p
  row { EVENT = "kprobe", DETAIL = eg.ok(p.symbol_name) and eg.string(p.symbol_name) or string.format("%#x", eg.address(p.addr)) }
end)
on_call("register_ftrace_function", function(k, call)
  row { EVENT = "ftrace", DETAIL = tostring(call.args.ops.func) }
end)
on_call("set_memory_rw", function(k, call)
  row { EVENT = "set_memory_rw", DETAIL = string.format("%#x, %d pages", call.args.addr, call.args.numpages) }
end)
-- What is written at the table's own address; a write through another mapping of its page is not seen.
on_write("sys_call_table", 8 * 512, function(k, write)
  row { EVENT = "syscall table", DETAIL = string.format("written by %s", write.place) }
end)
