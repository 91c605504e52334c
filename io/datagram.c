/* io/datagram.c - see datagram.h. Headers are walked with a cursor that knows its end; IPv4 fragments (RFC
 * 791) are copied into one of a few slots of the largest datagram's size, and a bit per 8-byte unit tells
 * when the datagram is whole. A slot is given up when its place is needed or when it is older than two
 * seconds: the identification wraps fast at sensor rates, and an old one must not meet a new one. */
#include "io/datagram.h"
#include "core/bytes.h"
#include <pcap/dlt.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS        16
#define DATAGRAM_CAP 65536
#define UNITS        (DATAGRAM_CAP / 8)
#define SLOT_OLD_NS  INT64_C(2000000000)
#define ETHER_IPV4   0x0800
#define ETHER_IPV6   0x86dd
#define PROTOCOL_UDP 17

struct flow { /* what the fragments of one datagram have in common */
    uint32_t src, dst;
    uint16_t id;
    uint8_t protocol;
};

struct slot {
    bool used;
    struct flow flow;
    int64_t since_ns;
    uint64_t age;   /* order of use */
    uint32_t size;  /* of the whole, 0 while the last fragment is missing */
    uint32_t units; /* received */
    uint8_t seen[UNITS / 8];
    uint8_t data[DATAGRAM_CAP];
};

struct glint_datagrams {
    int link_type;
    uint64_t incomplete, age;
    struct slot *slots; /* SLOTS; made with the first fragment, since most captures have none */
};

struct cursor {
    const uint8_t *p;
    size_t n;
};

static bool skip(struct cursor *c, size_t n)
{
    if (n > c->n)
        return false;
    c->p += n;
    c->n -= n;
    return true;
}

bool glint_datagram_link_known(int link_type)
{
    switch (link_type) {
    case DLT_EN10MB:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_NULL:
    case DLT_LOOP:
        return true;
    default:
        return false;
    }
}

int glint_datagrams_open(int link_type, struct glint_datagrams **datagrams_out)
{
    *datagrams_out = NULL;
    if (!glint_datagram_link_known(link_type))
        return glint_fail(GLINT_E_UNSUPPORTED, "link type %d is not read", link_type);
    struct glint_datagrams *d = calloc(1, sizeof *d);
    if (!d)
        return glint_fail(GLINT_E_NOMEM, "no memory for %zu bytes of datagrams", sizeof *d);
    d->link_type = link_type;
    *datagrams_out = d;
    return GLINT_OK;
}

void glint_datagrams_close(struct glint_datagrams *datagrams)
{
    if (datagrams)
        free(datagrams->slots);
    free(datagrams);
}

uint64_t glint_datagrams_incomplete(const struct glint_datagrams *datagrams)
{
    return datagrams->incomplete;
}

uint64_t glint_datagrams_waiting(const struct glint_datagrams *datagrams)
{
    uint64_t n = 0;
    for (int i = 0; i < SLOTS && datagrams->slots; i++)
        n += datagrams->slots[i].used;
    return n;
}

/* VLAN tags (802.1Q, 802.1ad and the older QinQ numbers), any depth. */
static uint16_t untag(struct cursor *c, uint16_t type)
{
    while ((type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200) && c->n >= 4) {
        type = glint_be16(c->p + 2);
        skip(c, 4);
    }
    return type;
}

/* By the version nibble: raw IP and loopback, whose family numbers differ between systems. */
static uint16_t ip_type(const struct cursor *c)
{
    if (c->n == 0)
        return 0;
    return c->p[0] >> 4 == 4 ? ETHER_IPV4 : c->p[0] >> 4 == 6 ? ETHER_IPV6 : 0;
}

/* Moves c to the network header; the ether type of what follows, 0 for none. */
static uint16_t link_header(int link_type, struct cursor *c)
{
    size_t head = 0, type_at = 0;
    switch (link_type) {
    case DLT_EN10MB:
        head = 14;
        type_at = 12;
        break;
    case DLT_LINUX_SLL:
        head = 16;
        type_at = 14;
        break;
    case DLT_LINUX_SLL2:
        head = 20;
        break;
    case DLT_NULL:
    case DLT_LOOP:
        return skip(c, 4) ? ip_type(c) : 0;
    default:
        return ip_type(c);
    }
    const uint8_t *p = c->p;
    if (!skip(c, head))
        return 0;
    return untag(c, glint_be16(p + type_at));
}

static enum glint_datagram take_udp(struct cursor c, struct glint_packet *packet)
{
    if (c.n < 8)
        return GLINT_DATAGRAM_OTHER;
    const uint8_t *head = c.p;
    const size_t length = glint_be16(head + 4);
    skip(&c, 8);
    if (length >= 8 && length - 8 < c.n)
        c.n = length - 8; /* what follows is padding; a shorter rest was cut off by the capture */
    packet->data = c.p;
    packet->size = (uint32_t)c.n;
    packet->src_port = glint_be16(head);
    packet->dst_port = glint_be16(head + 2);
    return GLINT_DATAGRAM_PACKET;
}

static bool same(const struct slot *s, const struct flow *f)
{
    return s->used && s->flow.src == f->src && s->flow.dst == f->dst && s->flow.id == f->id &&
           s->flow.protocol == f->protocol;
}

static void give_up(struct glint_datagrams *d, struct slot *s)
{
    d->incomplete += s->used;
    s->used = false;
}

static void begin(struct glint_datagrams *d, struct slot *s, const struct flow *flow, int64_t now_ns)
{
    s->used = true;
    s->flow = *flow;
    s->since_ns = now_ns;
    s->age = ++d->age;
    s->size = s->units = 0;
    memset(s->seen, 0, sizeof s->seen);
}

/* The slot of this datagram, or a free or the oldest one begun for it. */
static struct slot *slot_for(struct glint_datagrams *d, const struct flow *flow, int64_t now_ns)
{
    struct slot *best = &d->slots[0];
    for (int i = 0; i < SLOTS; i++) {
        struct slot *s = &d->slots[i];
        if (same(s, flow)) {
            if (now_ns > s->since_ns - SLOT_OLD_NS && now_ns < s->since_ns + SLOT_OLD_NS)
                return s;
            give_up(d, s);
        }
        if (best->used && (!s->used || s->age < best->age))
            best = s;
    }
    give_up(d, best);
    begin(d, best, flow, now_ns);
    return best;
}

static void mark_units(struct slot *s, uint32_t first, uint32_t last)
{
    for (uint32_t u = first; u <= last; u++) {
        s->units += !(s->seen[u / 8] >> u % 8 & 1);
        s->seen[u / 8] = (uint8_t)(s->seen[u / 8] | 1u << u % 8);
    }
}

/* `where` is the header's flags and offset. */
static enum glint_datagram take_fragment(struct glint_datagrams *d, const struct flow *flow, uint16_t where,
                                         struct cursor c, struct glint_packet *packet)
{
    const bool more = where & 0x2000;
    const uint32_t at = (uint32_t)(where & 0x1fff) * 8;
    if (c.n == 0 || at + c.n > DATAGRAM_CAP || (more && c.n % 8 != 0))
        return GLINT_DATAGRAM_OTHER;
    if (!d->slots && !(d->slots = calloc(SLOTS, sizeof *d->slots)))
        return GLINT_DATAGRAM_OTHER;
    struct slot *s = slot_for(d, flow, packet->stamp_ns);
    memcpy(s->data + at, c.p, c.n);
    mark_units(s, at / 8, (at + (uint32_t)c.n - 1) / 8);
    if (!more)
        s->size = at + (uint32_t)c.n;
    if (s->size == 0 || s->units < (s->size + 7) / 8)
        return GLINT_DATAGRAM_PENDING;
    s->used = false; /* its data stay until the next call */
    if (flow->protocol != PROTOCOL_UDP)
        return GLINT_DATAGRAM_OTHER;
    return take_udp((struct cursor){s->data, s->size}, packet);
}

static enum glint_datagram take_ipv4(struct glint_datagrams *d, struct cursor c, struct glint_packet *packet)
{
    if (c.n < 20)
        return GLINT_DATAGRAM_OTHER;
    const uint8_t *ip = c.p;
    const size_t head = (size_t)(ip[0] & 15) * 4, total = glint_be16(ip + 2);
    if (ip[0] >> 4 != 4 || head < 20 || (total != 0 && total < head))
        return GLINT_DATAGRAM_OTHER;
    const bool cut = total > c.n; /* by the capture's snap length */
    if (total != 0 && total < c.n)
        c.n = total; /* Ethernet pads short frames; 0: left to the network card */
    if (!skip(&c, head))
        return GLINT_DATAGRAM_OTHER;
    packet->src_ip = glint_be32(ip + 12);
    packet->dst_ip = glint_be32(ip + 16);
    const uint16_t where = glint_be16(ip + 6);
    if (where & 0x3fff) {
        const struct flow flow = {packet->src_ip, packet->dst_ip, glint_be16(ip + 4), ip[9]};
        return cut ? GLINT_DATAGRAM_OTHER : take_fragment(d, &flow, where, c, packet);
    }
    return ip[9] == PROTOCOL_UDP ? take_udp(c, packet) : GLINT_DATAGRAM_OTHER;
}

/* Hop-by-hop, routing and destination headers are skipped; fragments of IPv6 are not put together. */
static enum glint_datagram take_ipv6(struct cursor c, struct glint_packet *packet)
{
    if (c.n < 40 || c.p[0] >> 4 != 6)
        return GLINT_DATAGRAM_OTHER;
    const uint8_t *ip = c.p;
    const size_t payload = glint_be16(ip + 4);
    uint8_t next = ip[6];
    packet->src_ip = glint_be32(ip + 20);
    packet->dst_ip = glint_be32(ip + 36);
    skip(&c, 40);
    if (payload != 0 && payload < c.n)
        c.n = payload;
    while (next == 0 || next == 43 || next == 60) {
        if (c.n < 8)
            return GLINT_DATAGRAM_OTHER;
        next = c.p[0];
        if (!skip(&c, (size_t)c.p[1] * 8 + 8))
            return GLINT_DATAGRAM_OTHER;
    }
    return next == PROTOCOL_UDP ? take_udp(c, packet) : GLINT_DATAGRAM_OTHER;
}

enum glint_datagram glint_datagrams_take(struct glint_datagrams *datagrams, const uint8_t *record, size_t n,
                                         int64_t stamp_ns, uint64_t number, struct glint_packet *packet_out)
{
    struct cursor c = {record, n};
    *packet_out = (struct glint_packet){.stamp_ns = stamp_ns, .record = number};
    switch (link_header(datagrams->link_type, &c)) {
    case ETHER_IPV4:
        return take_ipv4(datagrams, c, packet_out);
    case ETHER_IPV6:
        return take_ipv6(c, packet_out);
    default:
        return GLINT_DATAGRAM_OTHER;
    }
}
