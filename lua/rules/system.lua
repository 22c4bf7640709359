-- system - protection that was switched off, and what starts again.

if columns "protection" then
  rule {
    id = "protection-off",
    title = "Protection of the system is off: {NAME}",
    severity = "medium",
    plugin = "protection",
    where = "HINTS ~ .",
    match = function(row) return row.HINTS:find("^switched off") or row.HINTS:find("the log says") or row.HINTS:find("^no level") or "low" end,
    key = { "NAME" },
    show = { "VALUE", "EXPECTED", "HINTS" },
    why = "It was on when the machine was booted, or no system leaves it so.",
    benign = "An administrator who switched it off to find a fault.",
    attack = "T1562.001",
    hits = { { NAME = "lockdown", VALUE = "none", HINTS = "switched off after boot: the command line says lockdown=integrity" },
      { NAME = "selinux", VALUE = "permissive", HINTS = "a policy is loaded and not enforced" } },
    misses = { { NAME = "lockdown", VALUE = "none" } },
  }
end

if columns "persistence" then
  rule {
    id = "kernel-starts-program",
    title = "The kernel starts another program than its own by {NAME}",
    severity = "high",
    plugin = "persistence",
    where = "KIND = kernel and HINTS ~ .",
    match = function(row) return row.NAME == "core_pattern" and "medium" or true end,
    key = { "NAME" },
    show = { "VALUE", "EXPECTED", "HINTS" },
    why = "The program runs as root, outside of containers, whenever the kernel wants it.",
    benign = "Collectors of crashes that are not known here.",
    attack = "T1546",
    hits = { { KIND = "kernel", NAME = "modprobe_path", VALUE = "/tmp/x", HINTS = "another program than the kernel's own setting" } },
    misses = { { KIND = "kernel", NAME = "modprobe_path", VALUE = "/sbin/modprobe" }, { KIND = "ssh", HINTS = "changed after boot" } },
  }

  rule {
    id = "binary-interpreter",
    title = "Entry {NAME} of binfmt_misc takes files that are not for it, or leads to an odd place",
    severity = "high",
    plugin = "persistence",
    where = "KIND = binfmt_misc and HINTS ~ .",
    key = { "NAME" },
    show = { "PATH", "VALUE", "HINTS" },
    why = "Whoever starts a program or a script that it takes starts this interpreter; with the flag C it gets the rights of set-user-id programs.",
    benign = "None that is known: emulators take programs of other machines, and are installed.",
    attack = "T1546",
    hits = { { KIND = "binfmt_misc", NAME = "x", PATH = "/tmp/x", HINTS = "the interpreter is where it does not belong" } },
    misses = { { KIND = "binfmt_misc", NAME = "qemu-arm", PATH = "/usr/bin/qemu-arm-static", VALUE = "flags OCF" }, { KIND = "cron", HINTS = "changed after boot" } },
  }

  rule {
    id = "kernel-started-program",
    title = "A program that the kernel started runs on: {NAME}",
    severity = "low",
    plugin = "persistence",
    where = "KIND = helper and HINTS ~ .",
    key = { "NAME" },
    show = { "PATH", "VALUE" },
    why = "Programs that the kernel starts (modprobe, hotplug) end at once; exploits start shells so.",
    benign = "A helper that was at work when the image was taken.",
    attack = "T1611",
    hits = { { KIND = "helper", NAME = "sh", HINTS = "a program that the kernel started runs on" } },
    misses = { { KIND = "ssh", HINTS = "changed after boot" } },
  }

  rule {
    id = "changed-startup-file",
    title = "Files that start programs or let somebody in changed after boot: {KIND}",
    severity = "low",
    plugin = "persistence",
    where = "PATH ~ '^/' and KIND != helper and KIND != binfmt_misc and HINTS ~ .",
    match = function(row)
      local text = type(row.VALUE) == "string" and row.VALUE or ""
      for _, word in ipairs { "/tmp/", "/dev/shm/", "/dev/tcp/" } do
        if text:find(word, 1, true) then return "medium" end
      end
      for _, word in ipairs { "immutable", "root's number", "gives its owner's rights" } do
        if row.HINTS:find(word, 1, true) then return "medium" end
      end
      return true
    end,
    key = { "KIND" },
    show = { "PATH", "MTIME", "CTIME", "VALUE", "HINTS" },
    why = "What was put there runs at the next boot, login or hour.",
    benign = "Updates of packages, administration, first boot of a new machine: low. One that names a program in /tmp, that nobody can "
      .. "change, or that gives rights of root is medium.",
    attack = "T1543",
    hits = { { KIND = "ssh", PATH = "/root/.ssh/authorized_keys", HINTS = "changed after boot" },
      { KIND = "cron", PATH = "/etc/cron.d/x", VALUE = "* * * * * root /tmp/x", HINTS = "changed after boot" },
      { KIND = "cron", PATH = "/etc/cron.d/x", HINTS = "immutable: nobody can change or remove it" } },
    misses = { { KIND = "ssh", PATH = "/root/.ssh/authorized_keys" }, { KIND = "binfmt_misc", PATH = "/tmp/x", HINTS = "takes scripts" }, { KIND = "helper", PATH = "/bin/sh", HINTS = "it runs on" } },
  }
end
