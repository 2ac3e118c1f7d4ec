package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Why requests are refused before anybody looks at what they ask.
var (
	errHost   = &Error{Status: http.StatusForbidden, Message: "found another host in the request, localhost or a loopback address expected", refused: "host"}
	errOrigin = &Error{Status: http.StatusForbidden, Message: "found a page of another origin, one of this server expected", refused: "origin"}
	errToken  = &Error{Status: http.StatusUnauthorized, Message: "found no valid token, Authorization: Bearer and a token expected", refused: "token"}
)

// health are the beginnings of paths that are answered without a token.
var health = []string{
	"/v2/health/", "/grpc.health.v1.Health/", "/inference.GRPCInferenceService/ServerLive", "/inference.GRPCInferenceService/ServerReady",
}

// crossOrigin tells requests that change something for a page of another origin.
var crossOrigin = http.NewCrossOriginProtection()

// guard returns an error if the request is of nobody who may ask. Who reads a page of another
// name, which was made to lead to this machine, sends that name as the host.
func (c *call) guard() error {
	if c.options.Local {
		if !loopback(c.r.Host) {
			return errHost
		}
		if origin := c.r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || !strings.EqualFold(u.Host, c.r.Host) {
				return errOrigin
			}
		}
	}
	if len(c.options.Tokens) == 0 {
		return nil
	}
	for _, path := range health {
		if strings.HasPrefix(c.r.URL.Path, path) {
			return nil
		}
	}
	token, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !ok { // as browsers ask for it, and then send it for pages of others too
		if crossOrigin.Check(c.r) != nil {
			return errOrigin
		}
		_, token, _ = c.r.BasicAuth()
	}
	given, known := sha256.Sum256([]byte(token)), 0
	for _, t := range c.options.Tokens {
		want := sha256.Sum256([]byte(t))
		known |= subtle.ConstantTimeCompare(given[:], want[:])
	}
	if known == 0 {
		c.w.Header().Set("WWW-Authenticate", `Basic realm="onehot"`)
		return errToken
	}
	return nil
}

// loopback reports whether the host of a request is this machine by its own names.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.IsLoopback()
}
