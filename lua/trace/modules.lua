-- modules - modules of the kernel that are loaded and unloaded
on_call("do_init_module", function(k, call)
  row { EVENT = "module load", DETAIL = call.args.mod.name }
end)
on_call("free_module", function(k, call)
  row { EVENT = "module unload", DETAIL = call.args.mod.name }
end)
