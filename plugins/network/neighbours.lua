-- neighbours - which link-layer address an IP address of the local network has: ARP and NDP.

local families = { [2] = "AF_INET", [10] = "AF_INET6" }
local states = { -- NUD_..., include/uapi/linux/neighbour.h
  [0] = "NONE", [1] = "INCOMPLETE", [2] = "REACHABLE", [4] = "STALE", [8] = "DELAY", [16] = "PROBE", [32] = "FAILED", [64] = "NOARP",
  [128] = "PERMANENT",
}
local flags = { router = 0x80, extern_learn = 0x10, proxy = 0x8, sticky = 0x40, use = 0x1, offload = 0x20, managed = 0x100 }
local valid = 2 | 4 | 8 | 16 | 64 | 128 -- NUD_VALID: the address is known
local most = 1 << 20 -- of one table

local function address(x) return eg.ok(x) and eg.address(x) or 0 end

return plugin {
  name = "neighbours",
  os = "linux",
  help = "List the neighbours of the local network with their link-layer addresses (ARP, NDP)",
  manual = "As `ip neigh` and `arp -a`, for IPv4 and IPv6 and all namespaces; also entries of state NOARP, which `ip` shows only "
    .. "when asked, and proxies (FLAGS proxy), for which this machine answers. Two IP addresses with one link-layer address can be "
    .. "one machine with two addresses, or somebody who answers for another. A neighbour that is gone from the table is not seen.",
  aliases = { "linux_arp", "linux.arp", "arp", "neigh", "net -a" },
  columns = {
    { "OFFSET", "addr", "address of the neighbour or pneigh_entry", "minor" },
    { "NS", "int", "inode number of the network namespace" },
    { "FAMILY", "text", "AF_INET: ARP; AF_INET6: NDP" },
    { "INTERFACE", "text", "on which interface" },
    { "IFINDEX", "int", "its number", "minor" },
    { "IP", "text", "address of the neighbour", "whole" },
    { "MAC", "text", "its link-layer address, where it is known" },
    { "STATE", "text", "REACHABLE, STALE, DELAY, PROBE, FAILED, INCOMPLETE, PERMANENT, NOARP" },
    { "FLAGS", "flags", "router, proxy, extern_learn, managed" },
    { "UPDATED", "time", "when its state last changed", "minor" },
    { "CONFIRMED", "time", "when it last answered", "minor" },
    { "LAST_USED", "time", "when it was last sent to", "minor" },
  },
  args = { { "ns", "int", "only these network namespaces" } },
  needs = { "neigh_table.nht", "neigh_hash_table.hash_shift", "neighbour.primary_key", "neighbour.dev" },
  uses = { "ip", "mac" },
  key = { "NS", "FAMILY", "IFINDEX", "IP" },
  moves = { "STATE", "UPDATED", "CONFIRMED", "LAST_USED" },
  run = function(k, _, row)
    local width = eg.sizeof("void *")

    local function key_text(at, length)
      local bytes = eg.read(k, at, length)
      if not bytes then return end
      return linux.ip(eg.object(k, length == 16 and "in6_addr" or "in_addr", at))
    end

    local function emit(n, family, length)
      local dev, state = n.dev, n.nud_state
      local ns = dev.nd_net.net.ns.inum
      if not eg.matches("ns", eg.value(ns, -1)) then return end
      local size = eg.value(dev.addr_len, 0)
      row {
        OFFSET = n, NS = ns, FAMILY = families[family] or tostring(family), INTERFACE = dev.name, IFINDEX = dev.ifindex,
        IP = key_text(eg.address_of(n, "primary_key"), length),
        MAC = eg.value(state, 0) & valid ~= 0 and size > 0 and size <= 32 and linux.mac(eg.at(n, "ha"), eg.at(dev, "addr_len")) or nil,
        STATE = eg.ok(state) and (states[state] or eg.flags(state, { REACHABLE = 2, STALE = 4 })) or state,
        FLAGS = eg.flags(n.flags, flags), UPDATED = linux.wall_of_jiffies(eg.at(n, "updated")),
        CONFIRMED = linux.wall_of_jiffies(eg.at(n, "confirmed")), LAST_USED = linux.wall_of_jiffies(eg.at(n, "used")),
      }
    end

    local function walk(tbl)
      local family, length, nht = tbl.family, tbl.key_len, tbl.nht
      if not eg.ok(family) or not families[family] or address(nht) == 0 then return end
      local shift = nht.hash_shift
      if not eg.ok(shift) or shift > 20 or (length ~= 4 and length ~= 16) then
        eg.note("the table of neighbours at " .. tostring(tbl) .. " cannot be read")
        return
      end
      local seen, count = {}, 0
      local function take(n)
        count = count + 1
        seen[eg.address(n)] = true
        if address(n.tbl) == eg.address(tbl) then
          emit(n, family, length)
        else
          eg.note("a neighbour at " .. tostring(n) .. " is not of the table that it is in")
        end
      end
      local lists = eg.has(nht, "hash_heads") -- hlists since 6.13
      local at = address(lists and nht.hash_heads or nht.hash_buckets)
      for i = 0, at ~= 0 and (1 << shift) - 1 or -1 do
        if lists then
          for n in eg.hlist(eg.object(k, "hlist_head", at + i * width), "neighbour", "hash") do
            if not seen[eg.address(n)] and count < most then take(n) end
          end
        else
          local head = eg.uint(k, at + i * width)
          local n = head and head ~= 0 and eg.object(k, "neighbour", head)
          while n and address(n) ~= 0 and not seen[eg.address(n)] and count < most do
            take(n)
            n = n.next
          end
        end
      end
      if count >= most then eg.note("the table of neighbours at " .. tostring(tbl) .. " has no end") end
    end

    -- Addresses for which this machine answers: PNEIGH_HASHMASK is 15.
    local function proxies(tbl)
      local at, seen, count = address(tbl.phash_buckets), {}, 0
      for i = 0, at ~= 0 and eg.has_type("pneigh_entry") and 15 or -1 do
        local head = eg.uint(k, at + i * width)
        local n = head and head ~= 0 and eg.object(k, "pneigh_entry", head)
        while n and address(n) ~= 0 and not seen[eg.address(n)] and count < most do
          seen[eg.address(n)] = true
          count = count + 1
          local ns = n.net.net.ns.inum
          if eg.matches("ns", eg.value(ns, -1)) then
            local dev = address(n.dev) ~= 0 and n.dev
            row {
              OFFSET = n, NS = ns, FAMILY = families[eg.value(tbl.family, 0)], INTERFACE = dev and dev.name or nil,
              IFINDEX = dev and dev.ifindex or nil, IP = key_text(eg.address_of(n, "key"), eg.value(tbl.key_len, 0)), FLAGS = "proxy",
            }
          end
          n = n.next
        end
      end
    end

    local tables, seen = {}, {}
    local array = eg.lookup(k, "neigh_tables")
    for i = 0, array and 2 or -1 do tables[i + 1] = eg.uint(k, array + i * width) or 0 end
    tables[#tables + 1] = eg.lookup(k, "arp_tbl") or 0
    tables[#tables + 1] = eg.lookup(k, "nd_tbl") or 0
    for _, at in ipairs(tables) do
      if at ~= 0 and not seen[at] then
        seen[at] = true
        local tbl = eg.object(k, "neigh_table", at)
        if families[eg.value(tbl.family, 0)] then
          walk(tbl)
          proxies(tbl)
        end
      end
    end
  end,
}
