-- bpf - BPF programs that are loaded
on_call("bpf_check", function(k, call)
  local program = eg.deref(call.args.prog)
  row { EVENT = "bpf load", DETAIL = tostring(eg.enum(eg.at(program, "type"))) .. " " .. tostring(call.args.attr.prog_name) }
end)
