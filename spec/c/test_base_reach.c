/* Addresses, what is private among them, and the rules about where connections may go. */
#include "base/address.h"
#include "base/reach.h"
#include "base/url.h"
#include "failing_alloc.h"
#include "tap.h"

/* --- addresses --- */

static void an_address_is_read_in_every_form(void)
{
    static const struct {
        const char *text;
        const char *dotted;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"0.0.0.0", "0.0.0.0"},
        {"0", "0.0.0.0"},
        {"127.1", "127.0.0.1"},
        {"10.1.2", "10.1.0.2"},
        {"10.65535", "10.0.255.255"},
        {"2130706433", "127.0.0.1"},
        {"0x7f000001", "127.0.0.1"},
        {"0X7F.0.0.1", "127.0.0.1"},
        {"0177.0.0.01", "127.0.0.1"},
        {"017700000001", "127.0.0.1"},
        {"0xA9FEA9FE", "169.254.169.254"},
        {"0x", "0.0.0.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        souk_address address;
        char text[SOUK_ADDRESS_TEXT];
        CHECK(souk_address_read(souk_slice_of(cases[i].text), &address));
        CHECK_INT(address.len, 4);
        souk_address_write_v4(&address, text);
        CHECK_TEXT(text, cases[i].dotted);
    }
}

static void names_are_no_addresses(void)
{
    static const char *const texts[] = {
        "",
        "example.com",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.256",
        "1.2.65536",
        "1..2",
        "1.2.3.",
        ".1.2.3",
        "08.1.1.1",
        "0xg",
        "4294967296",
        "-1",
        "1.2.3.4a",
        "[1.2.3.4]",
        "[",
        "[]",
        ":",
        ":::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        "12345::",
        "g::1",
        "::1:",
        ":1::",
        "1.2.3.4::",
        "::1.2.3",
        "::256.1.1.1",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3.4:1",
        "99999999999999999999",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        souk_address address;
        bool is_short = strcmp(texts[i], "::1.2.3") == 0; /* read as inet_aton does */
        if (souk_address_read(souk_slice_of(texts[i]), &address) != is_short) {
            tap_fail(__FILE__, __LINE__, texts[i]);
        }
    }
}

static void forms_of_one_ipv6_address_are_the_same(void)
{
    static const char *const same[][2] = {
        {"::1", "[0:0:0:0:0:0:0:1]"},
        {"2001:DB8::a", "[2001:0db8:0000::000A]"},
        {"::ffff:1.2.3.4", "0:0:0:0:0:ffff:102:304"},
        {"fe80::1%eth0", "[fe80::1%25eth0]"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        souk_address a;
        souk_address b;
        CHECK(souk_address_read(souk_slice_of(same[i][0]), &a));
        CHECK(souk_address_read(souk_slice_of(same[i][1]), &b));
        CHECK_INT(a.len, 16);
        CHECK(souk_address_eq(&a, &b));
    }
}

static void check_private(const char *const *texts, size_t count, bool expected)
{
    for (size_t i = 0; i < count; i++) {
        souk_address address;
        if (!souk_address_read(souk_slice_of(texts[i]), &address) ||
            souk_address_is_private(&address) != expected) {
            tap_fail(__FILE__, __LINE__, texts[i]);
        }
    }
}

static void private_addresses_are_known(void)
{
    static const char *const texts[] = {
        /* each block with its first and last address */
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.0",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.255",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        /* in other forms */
        "2852039166",
        "0xa9.254.0251.254",
        "127.1",
        /* IPv6 */
        "::",
        "::1",
        "::7f00:1",
        "::8.8.8.8",
        "fc00::1",
        "fd12:3456::1",
        "fdff:ffff::",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "100::1",
        "2001:db8::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:1ff::",
        "3fff::1",
        "3fff:fff::1",
        "5f00::1",
        "4000::1",
        "1fff::1",
        /* with a private IPv4 address inside */
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "64:ff9b::169.254.169.254",
        "64:ff9b::10.1.2.3",
        "64:ff9b:1::8.8.8.8",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2002:c0a8:101::",
        "2a00:1450::5efe:10.0.0.1",
        "2a00:1450::200:5efe:192.168.1.1",
        "::5efe:8.8.8.8",
        "fe80::5efe:8.8.8.8",
    };
    check_private(texts, sizeof texts / sizeof texts[0], true);
}

static void public_addresses_are_known(void)
{
    static const char *const texts[] = {
        /* the neighbours of the blocks */
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "203.0.114.0",
        "223.255.255.255",
        "8.8.8.8",
        /* IPv6 */
        "2000::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2001:db7::1",
        "2001:db9::1",
        "2003::1",
        "2a00:1450::1",
        "3ffe:ffff::1",
        "3fff:1000::1",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "2a00:1450::5efe:8.8.8.8",
    };
    check_private(texts, sizeof texts / sizeof texts[0], false);
}

/* --- rules --- */

static bool allows(const souk_reach *reach, const char *host)
{
    souk_err err;
    int kind = souk_reach_check_host(reach, souk_slice_of(host), &err);
    if (kind != SOUK_OK) {
        CHECK_INT(kind, SOUK_E_POLICY);
        CHECK_INT(err.kind, SOUK_E_POLICY);
        CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
        CHECK(!err.retryable);
    }
    return kind == SOUK_OK;
}

static void without_rules_everything_is_allowed(void)
{
    souk_reach reach;
    souk_reach_init(&reach, souk_alloc_libc());
    CHECK(allows(NULL, "127.0.0.1"));
    CHECK(allows(&reach, "127.0.0.1"));
    CHECK_INT(souk_reach_check_url(&reach, SOUK_LIT("no url"), NULL), SOUK_OK);
    CHECK_INT(souk_reach_check_command(&reach, NULL), SOUK_OK);
    CHECK_INT(souk_reach_check_command(NULL, NULL), SOUK_OK);
    CHECK(!souk_reach_limits_hosts(NULL));
    souk_reach_free(&reach);
}

static void private_hosts_are_refused(void)
{
    static const char *const refused[] = {
        "127.0.0.1",   "127.0.0.1.", "2130706433",     "[::1]", "localhost",       "LocalHost.",
        "x.localhost", "10.0.0.1",   "[::ffff:a00:1]", "",      "[fe80::1%25eth0]"};
    static const char *const allowed[] = {
        "8.8.8.8",      "example.com",       "localhost.example.com",
        "notlocalhost", "[2606:4700::1111]", "10.example.com"};
    souk_reach reach;
    souk_reach_init(&reach, souk_alloc_libc());
    reach.deny_private = true;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        CHECK(!allows(&reach, refused[i]));
    }
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        CHECK(allows(&reach, allowed[i]));
    }
    souk_reach_free(&reach);
}

static void add(souk_reach *reach, const char *rule)
{
    souk_err err;
    if (souk_reach_allow(reach, souk_slice_of(rule), &err) != SOUK_OK) {
        tap_fail(__FILE__, __LINE__, err.message);
    }
}

static void only_named_hosts_are_allowed(void)
{
    static const char *const allowed[] = {
        "api.example.com", "API.Example.COM", "api.example.com.",  "a.test",
        "a.b.test",        "A.TEST.",         "xn--bcher-kva.de",  "10.0.0.1",
        "167772161",       "[::1]",           "[0:0:0:0:0:0:0:1]", "192.168.7.9"};
    static const char *const refused[] = {"example.com",
                                          "evil-api.example.com",
                                          "api.example.com.evil.org",
                                          "test",
                                          ".test.",
                                          "atest",
                                          "10.0.0.2",
                                          "[::2]",
                                          "[::ffff:10.0.0.1]",
                                          "localhost",
                                          "api.example.com..",
                                          "",
                                          "192.169.7.9"};
    souk_reach reach;
    souk_reach_init(&reach, souk_alloc_libc());
    add(&reach, "api.example.com");
    add(&reach, "*.TEST");
    add(&reach, "XN--bcher-kva.de.");
    add(&reach, "10.0.0.1");
    add(&reach, "::1");
    add(&reach, "192.168.*");
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (!allows(&reach, allowed[i])) {
            tap_fail(__FILE__, __LINE__, allowed[i]);
        }
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        bool is_odd = strcmp(refused[i], ".test.") == 0; /* matches "*.test", and is no host */
        if (allows(&reach, refused[i]) != is_odd) {
            tap_fail(__FILE__, __LINE__, refused[i]);
        }
    }
    souk_reach_free(&reach);
}

static void a_star_names_addresses_too(void)
{
    souk_reach reach;
    souk_reach_init(&reach, souk_alloc_libc());
    add(&reach, "*");
    CHECK(allows(&reach, "[2606:4700::1111]") && allows(&reach, "8.8.8.8") && allows(&reach, "x"));
    reach.deny_private = true;
    CHECK(!allows(&reach, "[::1]") && !allows(&reach, "localhost") && allows(&reach, "x"));
    souk_reach_free(&reach);
}

static void an_empty_list_allows_nothing(void)
{
    souk_reach reach;
    souk_reach_init(&reach, souk_alloc_libc());
    reach.only_hosts = true;
    CHECK(!allows(&reach, "example.com"));
    souk_reach_free(&reach);
}

static void a_host_that_is_too_long_is_refused(void)
{
    char host[400];
    souk_reach reach;
    souk_reach_init(&reach, souk_alloc_libc());
    add(&reach, "*");
    memset(host, 'a', sizeof host);
    host[399] = '\0';
    CHECK(!allows(&reach, host));
    host[255] = '\0';
    CHECK(allows(&reach, host));
    souk_reach_free(&reach);
}

static void what_names_no_host_is_no_rule(void)
{
    static const char *const rules[] = {"",
                                        "https://example.com",
                                        "example.com/mcp",
                                        "example.com:443",
                                        "user@example.com",
                                        "b\303\274cher.de",
                                        "a b",
                                        "a\nb",
                                        "[::1]:80",
                                        "::g",
                                        "example.com?x",
                                        "a\\b"};
    souk_reach reach;
    souk_reach_init(&reach, souk_alloc_libc());
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        souk_err err;
        CHECK_INT(souk_reach_allow(&reach, souk_slice_of(rules[i]), &err), SOUK_E_CONFIG);
    }
    CHECK_INT(reach.count, 0);
    CHECK(!reach.only_hosts);
    souk_reach_free(&reach);
}

static void urls_are_judged_by_their_hosts(void)
{
    static const char *const refused[] = {"http://10.0.0.1/",
                                          "https://[::1]:8443/mcp",
                                          "http://0x7f.1/x?y",
                                          "ftp://example.com/",
                                          "https://user@example.com/",
                                          "https://example.com\\@evil.org/",
                                          "no url",
                                          "https://ex%61mple.com/"};
    souk_reach reach;
    souk_err err;
    souk_reach_init(&reach, souk_alloc_libc());
    reach.deny_private = true;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        CHECK_INT(souk_reach_check_url(&reach, souk_slice_of(refused[i]), &err), SOUK_E_POLICY);
    }
    CHECK_INT(souk_reach_check_url(&reach, SOUK_LIT("https://example.com/x?t=1"), &err), SOUK_OK);
    (void)souk_reach_check_url(&reach, SOUK_LIT("http://10.0.0.1/p?s3cret#s3cret"), &err);
    CHECK(strstr(err.message, "10.0.0.1") != NULL && strstr(err.message, "deny_private") != NULL);
    CHECK(strstr(err.message, "s3cret") == NULL);
    souk_reach_free(&reach);
}

static void commands_can_be_denied(void)
{
    souk_reach reach;
    souk_err err;
    souk_reach_init(&reach, souk_alloc_libc());
    reach.deny_commands = true;
    CHECK_INT(souk_reach_check_command(&reach, &err), SOUK_E_POLICY);
    CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK(allows(&reach, "127.0.0.1"));
    souk_reach_free(&reach);
}

static void origins_are_compared(void)
{
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } cases[] = {
        {"http://h/a", "http://H:80/b?c", true},    {"https://h/", "https://h:443", true},
        {"http://h/", "https://h/", false},         {"http://h/", "http://h:81/", false},
        {"http://h:443/", "https://h/", false},     {"http://h/", "http://h./", false},
        {"http://[::1]/", "http://[::1]:80", true}, {"http://a.h/", "http://h/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        souk_url a;
        souk_url b;
        CHECK_INT(souk_url_read(souk_slice_of(cases[i].a), &a, NULL), SOUK_OK);
        CHECK_INT(souk_url_read(souk_slice_of(cases[i].b), &b, NULL), SOUK_OK);
        CHECK(souk_url_same_origin(&a, &b) == cases[i].same);
    }
}

static void no_memory_is_survived(void)
{
    failing_alloc failing;
    long n = 1;
    do {
        souk_reach reach;
        failing_alloc_init(&failing, n++);
        souk_reach_init(&reach, &failing.alloc);
        int kind = souk_reach_allow(&reach, SOUK_LIT("a.test"), NULL);
        CHECK_INT(kind, failing.fired ? SOUK_E_LIMIT : SOUK_OK);
        souk_reach_free(&reach);
        CHECK_INT(failing.live, 0);
    } while (failing.fired);
    CHECK(n > 2);
}

int main(void)
{
    CASE(an_address_is_read_in_every_form);
    CASE(names_are_no_addresses);
    CASE(forms_of_one_ipv6_address_are_the_same);
    CASE(private_addresses_are_known);
    CASE(public_addresses_are_known);
    CASE(without_rules_everything_is_allowed);
    CASE(private_hosts_are_refused);
    CASE(only_named_hosts_are_allowed);
    CASE(a_star_names_addresses_too);
    CASE(an_empty_list_allows_nothing);
    CASE(a_host_that_is_too_long_is_refused);
    CASE(what_names_no_host_is_no_rule);
    CASE(urls_are_judged_by_their_hosts);
    CASE(commands_can_be_denied);
    CASE(origins_are_compared);
    CASE(no_memory_is_survived);
    return tap_done();
}
