# varnishd -a 127.0.0.1:8088 -f /etc/varnish/varnish.vcl -p http_req_size=12k
#
# The last word belongs to it: a larger head would be too large for the gate too, which could then look as if
# it were away.
#
# Varnish asks the gate first, then starts the request anew for the origin (or the cache). Change the
# service's id, the addresses, and `open`.
vcl 4.1;

import std;

backend sadd_gate {
    .host = "127.0.0.1";
    .port = "8080";
    .connect_timeout = 100ms;
    .first_byte_timeout = 500ms;
    .between_bytes_timeout = 500ms;
}

backend origin {
    .host = "127.0.0.1";
    .port = "8000";
}

sub vcl_recv {
    if (req.restarts == 0) {
        # No visitor names the subject; nor by an underscore, which some origins take for a dash.
        unset req.http.X-Sadd-Subject;
        unset req.http.X_Sadd_Subject;
        unset req.http.X-Sadd_Subject;
        unset req.http.X_Sadd-Subject;
        unset req.http.X-Sadd-Limit;
        unset req.http.X-Sadd-Cookie;
        unset req.http.X-Sadd-Policy;
        unset req.http.X-Forwarded-Uri;
        unset req.http.X-Forwarded-Method;
        unset req.http.X-Accel;
        unset req.http.X-Sadd-Refusal;
        set req.http.X-Forwarded-For = client.ip;
        set req.http.X-Original-URI = req.url;
        set req.http.X-Original-Method = req.method;
        set req.http.X-Sadd-Asks = "yes";
        # While the gate is away: `open` lets everybody through, `closed` answers 503.
        set req.http.X-Sadd-Away = "open";
        # Kept, or the body would be gone when the request starts anew. Larger ones are refused with 503.
        std.cache_req_body(1MB);
        set req.backend_hint = sadd_gate;
        return (pass);
    }
    unset req.http.X-Sadd-Asks;
    unset req.http.X-Sadd-Away;
    # The gate has seen the entry, and a cookie would keep every page from the cache.
    set req.http.Cookie = regsuball(req.http.Cookie, "(^|;) *sadd_entry_[^;]*", "");
    if (req.http.Cookie ~ "^[; ]*$") {
        unset req.http.Cookie;
    }
    set req.backend_hint = origin;
}

sub vcl_hash {
    # Nobody gets a page from the cache that was made for somebody else.
    hash_data(req.http.X-Sadd-Subject);
}

sub vcl_backend_fetch {
    if (bereq.http.X-Sadd-Asks) {
        set bereq.url = "/gate/moehe-secondary-results";
        set bereq.method = "GET";
        # Of no effect on a kept body before Varnish 7.4: it is then sent here too, and dropped. Leave its
        # Content-Length alone: without it the body would be taken for the next request.
        unset bereq.body;
    }
}

sub vcl_backend_error {
    if (bereq.http.X-Sadd-Asks) {
        set beresp.http.X-Sadd-Is-Away = "yes";
    }
}

sub vcl_deliver {
    if (req.http.X-Sadd-Asks) {
        if (resp.status == 200) {
            set req.http.X-Sadd-Subject = resp.http.X-Sadd-Subject;
            set req.http.X-Sadd-Limit = resp.http.RateLimit;
            set req.http.X-Sadd-Policy = resp.http.RateLimit-Policy;
            set req.http.X-Sadd-Cookie = resp.http.Set-Cookie;
            return (restart);
        }
        if (resp.http.X-Sadd-Is-Away && req.http.X-Sadd-Away == "open") {
            return (restart);
        }
        unset resp.http.X-Sadd-Subject;
        unset resp.http.X-Sadd-Is-Away;
        return (deliver);
    }
    # Where the origin sets a cookie itself, that one goes: there is room for one in here.
    if (req.http.X-Sadd-Cookie && !resp.http.Set-Cookie) {
        set resp.http.Set-Cookie = req.http.X-Sadd-Cookie;
    }
    if (req.http.X-Sadd-Limit) {
        set resp.http.RateLimit = req.http.X-Sadd-Limit;
        set resp.http.RateLimit-Policy = req.http.X-Sadd-Policy;
    }
}
