-- interfaces - the interfaces of every network namespace with their addresses, as `ip address` and `ip -d link`.

local iff = { -- as `ip` names them (include/uapi/linux/if.h); what follows from the state is added by flags_of
  LOOPBACK = 0x8, BROADCAST = 0x2, POINTOPOINT = 0x10, MULTICAST = 0x1000, NOARP = 0x80, ALLMULTI = 0x200,
  PROMISC = 0x100, MASTER = 0x400, SLAVE = 0x800, DEBUG = 0x4, DYNAMIC = 0x8000, AUTOMEDIA = 0x4000,
  PORTSEL = 0x2000, NOTRAILERS = 0x20, UP = 0x1,
}
local iff_order = {
  "LOOPBACK", "BROADCAST", "POINTOPOINT", "MULTICAST", "NOARP", "ALLMULTI", "PROMISC", "MASTER", "SLAVE", "DEBUG",
  "DYNAMIC", "AUTOMEDIA", "PORTSEL", "NOTRAILERS", "UP",
}
local states = { -- RFC 2863, IF_OPER_UNKNOWN is 0
  [0] = "UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP",
}
local ifa_flags = { -- include/uapi/linux/if_addr.h
  secondary = 0x1, nodad = 0x2, optimistic = 0x4, dadfailed = 0x8, home = 0x10, deprecated = 0x20, tentative = 0x40,
  permanent = 0x80, mngtmpaddr = 0x100, noprefixroute = 0x200, autojoin = 0x400, ["stable-privacy"] = 0x800,
}
local most = 65536 -- of what a list of one namespace or interface may have

local function is_set(c) return eg.ok(c) and (eg.address(c) or 0) ~= 0 end
local function number(x) return eg.value(x, 0) end

-- What the kernel reports to programs (dev_get_flags, net/core/dev.c), as `ip` prints it.
local function flags_of(dev)
  local bits, state, own = dev.flags, dev.state, dev.gflags
  if not (eg.ok(bits) and eg.ok(state) and eg.ok(own)) then return bits end
  local names, up = {}, state & 1 ~= 0 -- __LINK_STATE_START
  bits = bits & ~0x300 | own & 0x300
  if bits & 1 ~= 0 and not (up and (dev.operstate == 0 or dev.operstate == 6)) then names[1] = "NO-CARRIER" end
  for _, name in ipairs(iff_order) do
    if bits & iff[name] ~= 0 then names[#names + 1] = name end
  end
  if up and state & 4 == 0 then names[#names + 1] = "LOWER_UP" end -- __LINK_STATE_NOCARRIER
  if up and state & 16 ~= 0 then names[#names + 1] = "DORMANT" end
  return table.concat(names, ",")
end

-- A rootkit can clear the flag that `ip` shows; the kernel's own count is what makes the driver take all packets.
local function hints_of(dev, listed, numbered)
  local hints = {}
  local count, bits = dev.promiscuity, dev.flags
  if eg.ok(count) and eg.ok(bits) then
    if count > 0 and bits & 0x100 == 0 then hints[#hints + 1] = "promiscuous by count, without the flag" end
    if count == 0 and bits & 0x100 ~= 0 then hints[#hints + 1] = "promiscuous by flag, with a count of 0" end
  end
  if not listed then hints[#hints + 1] = "not on the list of interfaces" end
  if not numbered then hints[#hints + 1] = "not in the table by number" end
  return #hints > 0 and table.concat(hints, "; ") or nil
end

local function neighbours_of(dev, kind)
  local master, below
  for a in eg.list(eg.at(dev, "adj_list.upper"), "netdev_adjacent", "list") do
    if number(a.master) ~= 0 then master = a.dev end
  end
  if kind == "veth" then
    local peer = linux.veth_peer(dev)
    below = eg.ok(peer) and peer or nil
  elseif kind ~= "bridge" and kind ~= "bond" and kind ~= "team" and kind ~= "vrf" then
    for a in eg.list(eg.at(dev, "adj_list.lower"), "netdev_adjacent", "list") do below = below or a.dev end
  end
  return master, below
end

local function addresses_of(k, dev)
  local out = {}
  if is_set(dev.ip_ptr) then -- null where an interface has no IPv4
    local ifa, seen = dev.ip_ptr.ifa_list, {}
    while is_set(ifa) and not seen[eg.address(ifa)] and #out < most do
      seen[eg.address(ifa)] = true
      out[#out + 1] = {
        IP = linux.ip(eg.at(ifa, "ifa_local")), PREFIX = ifa.ifa_prefixlen, FLAGS = eg.flags(ifa.ifa_flags, ifa_flags),
        SCOPE_TYPE = linux.route_scope(eg.at(ifa, "ifa_scope")),
        PEER = eg.value(ifa.ifa_address, 0) ~= eg.value(ifa.ifa_local, 0) and linux.ip(eg.at(ifa, "ifa_address")) or nil,
      }
      ifa = ifa.ifa_next
    end
    if eg.address(ifa) == nil then out[#out + 1] = { IP = linux.ip(eg.at(dev.ip_ptr, "ifa_list")) } end
    if is_set(ifa) then eg.note("the addresses of an interface at " .. tostring(dev) .. " are linked in a circle") end
  end
  if eg.has(dev, "ip6_ptr") and is_set(dev.ip6_ptr) then
    for ifa in eg.list(eg.at(dev, "ip6_ptr.addr_list"), "inet6_ifaddr", "if_list") do
      local scope, peer = number(ifa.scope), eg.read(k, eg.address_of(ifa, "peer_addr"), 16)
      out[#out + 1] = {
        IP = linux.ip(eg.at(ifa, "addr")), PREFIX = ifa.prefix_len, FLAGS = eg.flags(ifa.flags, ifa_flags),
        SCOPE_TYPE = scope & 0x10 ~= 0 and "host" or scope & 0x20 ~= 0 and "link" or scope & 0x40 ~= 0 and "site" or "global",
        PEER = peer and peer ~= ("\0"):rep(16) and linux.ip(eg.at(ifa, "peer_addr")) or nil,
      }
    end
  end
  return out
end

return plugin {
  name = "interfaces",
  os = "linux",
  help = "List network interfaces of all namespaces with their addresses and settings",
  manual = "One row for each address; an interface without one has a row too. All network namespaces are walked, also those that "
    .. "no process is in. FLAGS are what `ip` would show; PROMISCUITY is the kernel's own count, which stays where a rootkit hides "
    .. "the flag: HINTS says where the two disagree, and which interfaces are missing from the list or from the table by number. A "
    .. "packet socket that captures raises the count (see sockets), a bridge does so for its ports. DETAIL needs the types of the "
    .. "interface's module, which kernels have in memory since 5.11.",
  aliases = { "linux.ip.Addr", "linux.ip.Link", "linux_ifconfig", "linux.ifconfig", "ip", "ifconfig", "net" },
  looks_for = { "promiscuous interfaces" },
  columns = {
    { "OFFSET", "addr", "address of the net_device", "minor" },
    { "NS", "int", "inode number of the network namespace" },
    { "IFINDEX", "int", "number of the interface in its namespace" },
    { "INTERFACE", "text", "name of the interface" },
    { "KIND", "text", "veth, bridge, vlan, wireguard, as the driver calls it; empty of hardware and lo" },
    { "MAC", "text", "link-layer address; of a tunnel over IP the address of its end" },
    { "STATE", "text", "operational state (RFC 2863): UP, DOWN, UNKNOWN" },
    { "IP", "text", "an address, IPv4 or IPv6", "whole" },
    { "PREFIX", "int", "bits of the address that name its network" },
    { "SCOPE_TYPE", "text", "where the address is valid: global, site, link, host", "minor" },
    { "IP_FLAGS", "flags", "permanent, tentative, deprecated, secondary", "minor" },
    { "PEER", "text", "the address of the other end, where the interface leads to one only", "minor" },
    { "MTU", "int", "largest packet in bytes", "minor" },
    { "QDISC", "text", "how packets wait to be sent", "minor" },
    { "QLEN", "int", "how many may wait", "minor" },
    { "FLAGS", "flags", "as `ip` shows them", "minor" },
    { "PROMISCUITY", "int", "how many asked for all packets of the wire" },
    { "MASTER", "text", "bridge, bond or VRF that it is part of", "minor" },
    { "LINK", "text", "interface below a VLAN, macvlan; of a veth the other end", "minor" },
    { "LINK_NS", "int", "network namespace of LINK", "minor" },
    { "DETAIL", "text", "what its kind has of its own: id of a VLAN or VXLAN, ends of a tunnel, owner of a tap", "minor" },
    { "HINTS", "text", "what is odd" },
  },
  args = {
    { "ns", "int", "only these network namespaces" },
    { "interface", "text", "only interfaces of this name" },
  },
  needs = { "net_device.name", "net_device.ifindex", "net_device.dev_list", "net.dev_base_head" },
  uses = { "nets", "netdev_address", "ip", "route_scope" },
  key = { "NS", "IFINDEX", "IP" },
  run = function(k, args, row)
    local function emit(net, dev, listed, numbered)
      local kind
      if is_set(dev.rtnl_link_ops) then kind = eg.string(dev.rtnl_link_ops.kind, 32) end
      local master, below = neighbours_of(dev, kind)
      local running = eg.value(dev.state, 0) & 1 ~= 0
      local base = {
        OFFSET = dev, NS = net.ns.inum, IFINDEX = dev.ifindex, INTERFACE = dev.name, KIND = kind,
        MAC = linux.netdev_address(dev), STATE = not running and "DOWN" or states[eg.value(dev.operstate, -1)] or dev.operstate,
        MTU = dev.mtu, QDISC = eg.string(dev.qdisc.ops.id, 16), QLEN = dev.tx_queue_len, FLAGS = flags_of(dev),
        PROMISCUITY = dev.promiscuity, MASTER = master and master.name, LINK = below and below.name,
        LINK_NS = below and below.nd_net.net.ns.inum, DETAIL = linux.netdev_detail(dev), HINTS = hints_of(dev, listed, numbered),
      }
      local addresses = addresses_of(k, dev)
      for i = 1, math.max(1, #addresses) do
        local a = addresses[i] or {}
        base.IP, base.PREFIX, base.SCOPE_TYPE, base.IP_FLAGS, base.PEER = a.IP, a.PREFIX, a.SCOPE_TYPE, a.FLAGS, a.PEER
        row(base)
      end
    end

    for net in linux.nets(k) do
      if eg.matches("ns", eg.value(net.ns.inum, -1)) then
        local order, listed, numbered = {}, {}, {}
        for dev in eg.list(net.dev_base_head, "net_device", "dev_list") do
          order[#order + 1] = dev
          listed[eg.address(dev)] = true
        end
        local table_at = eg.has(net, "dev_index_head") and eg.has("net_device", "index_hlist") and eg.address(net.dev_index_head)
        local n_listed = #order
        for bucket = 0, table_at and table_at ~= 0 and 255 or -1 do -- NETDEV_HASHENTRIES
          local head = eg.object(k, "hlist_head", table_at + bucket * eg.sizeof("hlist_head"))
          for dev in eg.hlist(head, "net_device", "index_hlist") do
            numbered[eg.address(dev)] = true
            if not listed[eg.address(dev)] and #order - n_listed < most then order[#order + 1] = dev end
          end
        end
        for i, dev in ipairs(order) do
          if not args.interface or dev.name == args.interface then
            emit(net, dev, i <= n_listed, not table_at or table_at == 0 or numbered[eg.address(dev)])
          end
        end
      end
    end
  end,
}
