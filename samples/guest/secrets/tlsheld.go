// tlsheld.go - connections of Go's crypto/tls that stay open, between a server and a client in two
// processes.
//
//	tlsheld server PORT KEYLOG
//	tlsheld client PORT KEYLOG 12|13 [SUITE]
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"os"
	"time"
)

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	is := x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "lab.example"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &is, &is, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: tlsheld server PORT KEYLOG | client PORT KEYLOG 12|13 [SUITE]")
		os.Exit(2)
	}
	at := "127.0.0.1:" + os.Args[2]
	keys, err := os.OpenFile(os.Args[3], os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0600)
	if err != nil {
		panic(err)
	}
	if os.Args[1] == "server" {
		listener, err := tls.Listen("tcp", at, &tls.Config{
			Certificates: []tls.Certificate{certificate()}, KeyLogWriter: keys})
		if err != nil {
			panic(err)
		}
		for {
			conn, err := listener.Accept()
			if err != nil {
				panic(err)
			}
			go func() {
				word := make([]byte, 64)
				for {
					n, err := conn.Read(word)
					if err != nil {
						return
					}
					conn.Write(word[:n])
				}
			}()
		}
	}
	config := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: keys}
	if len(os.Args) > 4 && os.Args[4] == "12" {
		config.MaxVersion = tls.VersionTLS12
	}
	if len(os.Args) > 5 {
		for _, suite := range tls.CipherSuites() {
			if suite.Name == os.Args[5] {
				config.CipherSuites = []uint16{suite.ID}
			}
		}
	}
	conn, err := tls.Dial("tcp", at, config)
	if err != nil {
		panic(err)
	}
	word := make([]byte, 64)
	for i := 0; ; i++ {
		fmt.Fprintf(conn, "word %d", i)
		if _, err := conn.Read(word); err != nil {
			panic(err)
		}
		time.Sleep(10 * time.Second)
	}
}
