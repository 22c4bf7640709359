# Keys of radios, read by `secrets`: a Wi-Fi network between two simulated cards, a Bluetooth controller of our own.
# modules: mac80211_hwsim hci_vhci ccm cmac gcm ctr ghash_generic arc4 ecb
# programs: hostapd hostapd
# programs: wpasupplicant wpa_supplicant
# programs: iw iw
mkdir -p /run/hostapd /run/wpa
cat > /run/lab/hostapd.conf << END
interface=wlan0
driver=nl80211
ctrl_interface=/run/hostapd
ssid=lab-network
hw_mode=g
channel=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
ieee80211w=1
wpa_passphrase=words of the air
END
cat > /run/lab/wpa.conf << END
ctrl_interface=/run/wpa
network={
	ssid="lab-network"
	psk="words of the air"
	key_mgmt=WPA-PSK
	pairwise=CCMP
	ieee80211w=1
}
END
ip link set wlan0 up && ip link set wlan1 up
hostapd -K -dd /run/lab/hostapd.conf > /run/lab/hostapd.log 2>&1 &
sleep 3
wpa_supplicant -K -dd -i wlan1 -c /run/lab/wpa.conf > /run/lab/wpa.log 2>&1 &
tries=0
until grep -q 'CTRL-EVENT-CONNECTED' /run/lab/wpa.log || [ $tries -gt 60 ]; do
    tries=$((tries + 1))
    sleep 1
done
sleep 1
cp /run/lab/hostapd.log /run/lab/wpa.log $said/
# "WPA: TK - hexdump(len=16): 01 23 …": the last of its sort is in use.
last() { sed -n "s/^.*WPA: $1 - hexdump(len=[0-9]*): //p" "$2" | tail -1 | tr -d ' '; }
tk=$(last TK /run/lab/wpa.log)
[ -n "$tk" ] && secret Wi-Fi "$tk" '"purpose":"pairwise key 0"'
gtk=$(sed -n 's/^.*WPA: Group Key - hexdump(len=[0-9]*): //p' /run/lab/wpa.log | tail -1 | tr -d ' ')
[ -n "$gtk" ] && secret Wi-Fi "$gtk"

bluetooth "$(invented 16 'a link key')" "$(invented 16 'a long term key')" "$(invented 16 'an identity key')" > /run/lab/bluetooth.said 2> $said/bluetooth.log < /dev/null &
tries=0
until grep -q ready /run/lab/bluetooth.said || [ $tries -gt 30 ]; do
    tries=$((tries + 1))
    sleep 1
done
if grep -q ready /run/lab/bluetooth.said; then # a kernel can be without Bluetooth
    secret Bluetooth "$(invented 16 'a link key')" '"purpose":"link key"'
    secret Bluetooth "$(invented 16 'a long term key')" '"purpose":"long term key"'
    secret Bluetooth "$(invented 16 'an identity key')" '"purpose":"identity resolving key"'
fi
