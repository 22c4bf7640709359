-- syscalls - all system calls with their arguments and results (ring:FILE of QEMU's plugin alone)
columns = {
  { "TIME", "time", "when, by the clock of the machine that runs engram" },
  { "CPU", "int", "processor" },
  { "PID", "int", "process" },
  { "TID", "int", "thread" },
  { "COMM", "text", "name of its thread" },
  { "EVENT", "text", "the system call" },
  { "ARGS", "text", "what it was given: text, numbers, addresses" },
  { "RESULT", "text", "what it gave back, when it did" },
}

on_syscall(function(k, call)
  row { ARGS = call.args.text, RESULT = call.result }
end)
