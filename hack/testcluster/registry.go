package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// runRegistry serves an OCI registry from memory on a free port of the
// loopback interface, writes one JSON line when it is ready, and ends when
// standard input closes.
func runRegistry() {
	var guard guard
	flags := flag.NewFlagSet("testcluster registry", flag.ExitOnError)
	flags.StringVar(&guard.kind, "auth", "none", "what a client has to show: none, basic, or token (which it gets for the password)")
	flags.StringVar(&guard.user, "user", "user", "user name, for basic and token")
	flags.StringVar(&guard.password, "password", "password", "password, for basic and token")
	certificate := flags.String("tls-cert", "", "certificate file; with --tls-key: HTTPS instead of HTTP")
	key := flags.String("tls-key", "", "private key file")
	_ = flags.Parse(os.Args[1:]) // exits on errors
	if err := serveRegistry(guard, *certificate, *key); err != nil {
		fatal("registry", err)
	}
}

func serveRegistry(guard guard, certificate, key string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	scheme := "http"
	if certificate != "" {
		scheme = "https"
	}
	guard.realm = fmt.Sprintf("%s://%s/token", scheme, listener.Addr())
	guard.token = randomHex(16)
	if err := guard.check(); err != nil {
		return err
	}
	quiet := log.New(io.Discard, "", 0)
	server := &http.Server{
		Handler:           guard.protect(registry.New(registry.Logger(quiet), registry.WithReferrersSupport(true))),
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          quiet,
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Shutdown(context.Background())
	}()
	answer(map[string]any{"ready": map[string]string{"address": listener.Addr().String(), "scheme": scheme}})
	if certificate != "" {
		err = server.ServeTLS(listener, certificate, key)
	} else {
		err = server.Serve(listener)
	}
	if err == http.ErrServerClosed {
		return nil
	}
	return err
}

// guard asks for credentials, in the two ways registries do.
type guard struct {
	kind, user, password string
	realm, token         string // for token: where to get it, and what it is
}

func (g guard) check() error {
	switch g.kind {
	case "none", "basic", "token":
		return nil
	default:
		return fmt.Errorf("--auth=%s: not none, basic or token", g.kind)
	}
}

func (g guard) protect(registry http.Handler) http.Handler {
	if g.kind == "none" {
		return registry
	}
	routes := http.NewServeMux()
	if g.kind == "token" {
		routes.HandleFunc("GET /token", g.giveToken)
	}
	routes.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if g.admits(r) {
			registry.ServeHTTP(w, r)
			return
		}
		g.refuse(w, r)
	})
	return routes
}

func (g guard) knows(r *http.Request) bool {
	user, password, given := r.BasicAuth()
	return given && equal(user, g.user) && equal(password, g.password)
}

func (g guard) admits(r *http.Request) bool {
	if g.kind == "basic" {
		return g.knows(r)
	}
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return bearer && equal(token, g.token)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// refuse answers 401 with a challenge: for tokens it names where to get one and
// the scope that the request needs, as the distribution specification has it.
func (g guard) refuse(w http.ResponseWriter, r *http.Request) {
	challenge := `Basic realm="testcluster"`
	if g.kind == "token" {
		challenge = fmt.Sprintf(`Bearer realm=%q,service="testcluster"`, g.realm)
		if name := repository(r.URL.Path); name != "" {
			actions := "pull"
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				actions = "pull,push"
			}
			challenge += fmt.Sprintf(`,scope="repository:%s:%s"`, name, actions)
		}
	}
	w.Header().Set("WWW-Authenticate", challenge)
	writeJSON(w, http.StatusUnauthorized, map[string]any{
		"errors": []map[string]string{{"code": "UNAUTHORIZED", "message": "authentication required"}},
	})
}

func (g guard) giveToken(w http.ResponseWriter, r *http.Request) {
	if !g.knows(r) {
		writeJSON(w, http.StatusUnauthorized, map[string]any{
			"errors": []map[string]string{{"code": "UNAUTHORIZED", "message": "incorrect username or password"}},
		})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"token": g.token, "access_token": g.token, "expires_in": 300})
}

// repository is the name in /v2/<name>/manifests/…, or "" where there is none.
func repository(path string) string {
	rest, found := strings.CutPrefix(path, "/v2/")
	if !found {
		return ""
	}
	for _, kind := range []string{"/manifests/", "/blobs/", "/tags/", "/referrers/"} {
		if name, _, found := strings.Cut(rest, kind); found {
			return name
		}
	}
	return ""
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that has gone needs no answer
}
