# Keys, read by `secrets`: ciphers other than AES, in the kernel and in programs.
# modules: algif_skcipher serpent_generic serpent_sse2_x86_64 twofish_generic twofish_x86_64 sm4_generic
# modules: camellia_generic camellia_x86_64 aria_generic aria chacha_generic ecb cbc
# programs: coreutils sleep
cipher_key() { invented "$1" "a key of $2"; }

# A number of the program's output is the place of a key that it uses.
/usr/bin/ciphers "ecb(serpent)=$(cipher_key 32 serpent)" "ecb(serpent)=$(cipher_key 16 serpent-128)" \
    "ecb(serpent-generic)=$(cipher_key 24 serpent-192)" "ecb(twofish)=$(cipher_key 32 twofish)" \
    "ecb(twofish)=$(cipher_key 16 twofish-128)" "ecb(twofish-generic)=$(cipher_key 24 twofish-192)" \
    "ecb(sm4)=$(cipher_key 16 sm4)" "ecb(camellia)=$(cipher_key 32 camellia)" "ecb(camellia)=$(cipher_key 16 camellia-128)" \
    "ecb(aria)=$(cipher_key 32 aria)" "ecb(aria)=$(cipher_key 16 aria-128)" "state=$(cipher_key 32 chacha20)" \
    > /run/lab/ciphers.txt 2>> /run/lab/lab.log &
sleep 3
# What the source of AF_ALG finds is told by its kind.
while read -r cipher_number; do
    case $cipher_number in
    1) secret AF_ALG "$(cipher_key 32 serpent)" ;;
    2) secret AF_ALG "$(cipher_key 16 serpent-128)" ;;
    3) secret AF_ALG "$(cipher_key 24 serpent-192)" ;;
    4) secret AF_ALG "$(cipher_key 32 twofish)" ;;
    5) secret AF_ALG "$(cipher_key 16 twofish-128)" ;;
    6) secret AF_ALG "$(cipher_key 24 twofish-192)" ;;
    7) secret SM4 "$(cipher_key 16 sm4)" ;;
    8) secret Camellia "$(cipher_key 32 camellia)" ;;
    9) secret Camellia "$(cipher_key 16 camellia-128)" ;;
    10) secret ARIA "$(cipher_key 32 aria)" ;;
    11) secret ARIA "$(cipher_key 16 aria-128)" ;;
    12) secret ChaCha20 "$(cipher_key 32 chacha20)" ;;
    esac
done < /run/lab/ciphers.txt

# Contexts of libcrypto: programs that wait for what to encrypt.
for cipher_name in sm4:16:SM4 camellia-128:16:Camellia camellia-192:24:Camellia camellia-256:32:Camellia aria-128:16:ARIA \
    aria-192:24:ARIA aria-256:32:ARIA; do
    cipher_kind=${cipher_name##*:}
    cipher_size=${cipher_name#*:}
    cipher_size=${cipher_size%:*}
    cipher_name=${cipher_name%%:*}
    sleep 100000 | openssl enc "-$cipher_name-cbc" -K "$(cipher_key "$cipher_size" "openssl $cipher_name")" \
        -iv 000102030405060708090a0b0c0d0e0f > /dev/null 2>> /run/lab/lab.log &
    sleep 1
    secret "$cipher_kind" "$(cipher_key "$cipher_size" "openssl $cipher_name")"
done
