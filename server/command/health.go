package command

import (
	"cmp"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"uniapi/server/command/doctor"
)

// healthPatience is how long a gateway may take to say how it is: container engines ask every few seconds.
const healthPatience = 5 * time.Second

// health asks the gateway that runs beside it whether it is ready, for images that have no shell and no curl.
func health(args []string) int {
	flags := flag.NewFlagSet("uni-api health", flag.ContinueOnError)
	listen := flags.String("listen", "0.0.0.0:"+cmp.Or(os.Getenv("PORT"), "8000"), "the address that the gateway serves on, as its own --listen; the environment's PORT changes the default's port")
	base := flags.String("url", "", "the gateway's address instead, e.g. https://localhost:8443 where it has a certificate")
	if code, stop := parse(flags, args); stop {
		return code
	}
	var where string
	if *base != "" {
		address, err := doctor.GatewayAddress(*base)
		if err != nil {
			misused(flags.Name(), fmt.Errorf("--url: %w", err))
			return 2
		}
		where = address.String()
	} else {
		address, err := beside(*listen)
		if err != nil {
			fmt.Fprintln(complaints{}, "uni-api health: --listen:", err)
			return 2
		}
		where = "http://" + address
	}
	if err := ready(where + "/readyz"); err != nil {
		fmt.Fprintln(complaints{}, "uni-api health:", err)
		return 1
	}
	fmt.Println("ready")
	return 0
}

// beside is the address at which a process on this machine reaches one that listens on an address.
func beside(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("it must be an address and a port such as 127.0.0.1:8000: %w", err)
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}

// ready asks one address.
func ready(url string) error {
	client := http.Client{Timeout: healthPatience, Transport: &http.Transport{
		Proxy: nil, // what runs beside it is not reached through a proxy
		// The certificate is for another name than that of this machine's inside, and nothing secret is sent.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	resp, err := client.Get(url)
	if err != nil {
		return fmt.Errorf("no gateway answers: %w", err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says %s: %s", url, resp.Status, strings.TrimSpace(string(said)))
	}
	return nil
}
