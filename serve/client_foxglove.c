/* serve/client_foxglove.c - the Foxglove WebSocket protocol, version 1 (github.com/foxglove/ws-protocol,
 * docs/spec.md).
 *
 * A channel is a topic of ros/messages.h, its messages CDR with definitions as "ros2msg", which Foxglove
 * shows without being told anything. From here: "serverInfo" and "advertise" once, "status" where a client
 * asks for what is not there, and messages: u8 1, u32 subscription, u64 stamp in ns, bytes. From the client:
 * "subscribe" and "unsubscribe". */
#include "ros/messages.h"
#include "serve/hub.h"

#define HEAD         13 /* bytes before a message's own */
#define MESSAGE_DATA 1

_Static_assert(GLINT_ROS_TOPIC_COUNT <= GLINT_OUTBOX_TOPICS, "a slot of the outbox for each channel");

enum level { INFO, WARNING, ERROR };

/* ---- words ---- */

static void put_op(struct glint_json_writer *w, const char *op)
{
    glint_json_writer_init(w, 0);
    glint_json_put_object(w, NULL);
    glint_json_put_text(w, "op", op);
}

static void server_info(struct glint_client *c)
{
    struct glint_json_writer w;
    put_op(&w, "serverInfo");
    glint_json_put_text(&w, "name", "glint");
    glint_json_put_array(&w,
                         "capabilities"); /* none: no parameters, no services, nothing is published here */
    glint_json_put_end(&w);
    glint_json_put_object(&w, "metadata");
    glint_json_put_text(&w, "input", c->server->title);
    glint_json_put_end(&w);
    glint_json_put_text(&w, "sessionId", c->server->session);
    glint_json_put_end(&w);
    glint_client_text(c, &w);
}

static void put_channel(struct glint_json_writer *w, enum glint_ros_topic topic, struct glint_buffer *schema)
{
    const struct glint_ros_topic_info *info = glint_ros_topic(topic);
    char name[GLINT_ROS_NAME];
    glint_ros_type_name(info->type, name);
    glint_buffer_clear(schema);
    glint_ros_schema_text(info->type, schema);
    glint_json_put_object(w, NULL);
    glint_json_put_i64(w, "id", (int64_t)topic);
    glint_json_put_text(w, "topic", info->name);
    glint_json_put_text(w, "encoding", "cdr");
    glint_json_put_text(w, "schemaName", name);
    glint_json_put_text(w, "schemaEncoding", "ros2msg");
    glint_json_put_text(w, "schema", schema->failed ? "" : (const char *)schema->data);
    glint_json_put_end(w);
}

static void advertise(struct glint_client *c)
{
    struct glint_json_writer w;
    struct glint_buffer schema = {0};
    put_op(&w, "advertise");
    glint_json_put_array(&w, "channels");
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++)
        put_channel(&w, (enum glint_ros_topic)t, &schema);
    glint_json_put_end(&w);
    glint_json_put_end(&w);
    glint_buffer_fini(&schema);
    glint_client_text(c, &w);
}

static void status(struct glint_client *c, enum level level, const char *text)
{
    struct glint_json_writer w;
    put_op(&w, "status");
    glint_json_put_i64(&w, "level", level);
    glint_json_put_text(&w, "message", text);
    glint_json_put_end(&w);
    glint_client_text(c, &w);
}

static void client_open(struct glint_client *c)
{
    server_info(c);
    advertise(c);
    if (c->server->settings.shelf)
        status(c, WARNING,
               "this is glint view, whose frames are for the page: glint serve INPUT publishes them");
}

/* ---- subscriptions ---- */

/* False: not what the protocol says. What is not there is told and no reason to part. */
static bool subscribe_one(struct glint_client *c, struct glint_json subscription)
{
    double id, channel;
    if (glint_json_f64(subscription, "id", 0, UINT32_MAX, &id) < 0 ||
        glint_json_f64(subscription, "channelId", 0, 1e15, &channel) < 0)
        return false;
    if (channel >= GLINT_ROS_TOPIC_COUNT || channel != (double)(int)channel) {
        status(c, WARNING, "no such channel");
        return true;
    }
    const unsigned bit = 1u << (unsigned)channel;
    if (c->channels & bit) {
        status(c, WARNING, "this channel is subscribed to already");
        return true;
    }
    c->channels |= bit;
    c->subscriptions[(int)channel] = (uint32_t)id;
    return true;
}

static bool subscribe(struct glint_client *c, struct glint_json root)
{
    struct glint_json list = glint_json_get(root, "subscriptions");
    if (!glint_json_is_array(list))
        return glint_json_fail(list, "an array is wanted") == GLINT_OK;
    for (size_t i = 0; i < glint_json_size(list) && !c->is_closing; i++)
        if (!subscribe_one(c, glint_json_at(list, i)))
            return false;
    return true;
}

static bool unsubscribe(struct glint_client *c, struct glint_json root)
{
    struct glint_json list = glint_json_get(root, "subscriptionIds");
    double ids[GLINT_OUTBOX_TOPICS * 4];
    int32_t n = 0;
    if (!glint_json_is_array(list) ||
        glint_json_f64s(root, "subscriptionIds", -1, (int32_t)(sizeof ids / sizeof ids[0]), ids, &n) < 0)
        return glint_json_fail(list, "an array of numbers is wanted") == GLINT_OK;
    for (int32_t i = 0; i < n; i++)
        for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++)
            if ((c->channels >> t & 1) && (double)c->subscriptions[t] == ids[i]) {
                c->channels &= ~(1u << t);
                glint_outbox_forget(&c->out, t);
            }
    return true;
}

static bool obey(struct glint_client *c, struct glint_json root)
{
    const char *op;
    if (glint_json_string(root, "op", &op) < 0)
        return false;
    if (strcmp(op, "subscribe") == 0)
        return subscribe(c, root);
    if (strcmp(op, "unsubscribe") == 0)
        return unsubscribe(c, root);
    status(c, WARNING, "not a capability of this server");
    return true;
}

static bool word(struct glint_client *c, const char *text, size_t size, bool is_text)
{
    struct glint_json_doc *doc;
    if (!is_text) {
        status(c, WARNING, "nothing can be published here");
        return true;
    }
    if (glint_json_parse("message", text, size, &doc) < 0)
        return false;
    const bool good = obey(c, glint_json_root(doc));
    glint_json_close(doc);
    return good;
}

/* ---- messages ---- */

static bool wants(const struct glint_client *c)
{
    return c->channels != 0;
}

static struct glint_message *encode(struct glint_server *s, enum glint_ros_topic topic,
                                    const struct glint_frame *f)
{
    struct glint_ros_settings settings;
    glint_ros_settings_default(&settings);
    if (!glint_ros_wants(&settings, topic, f))
        return NULL;
    glint_buffer_clear(&s->encoded);
    s->encoded.failed = false;
    glint_ros_encode(&settings, topic, glint_server_context(s), f, &s->encoded);
    struct glint_message *m = s->encoded.failed ? NULL : glint_message_new(s->encoded.size, false);
    if (m && s->encoded.size)
        memcpy(m->bytes, s->encoded.data, s->encoded.size);
    return m;
}

static void put_head(uint8_t head[HEAD], uint32_t subscription, uint64_t stamp)
{
    head[0] = MESSAGE_DATA;
    for (int i = 0; i < 4; i++)
        head[1 + i] = (uint8_t)(subscription >> 8 * i);
    for (int i = 0; i < 8; i++)
        head[5 + i] = (uint8_t)(stamp >> 8 * i);
}

static void send_topic(struct glint_server *s, enum glint_ros_topic topic, const struct glint_frame *f)
{
    struct glint_message *m = NULL;
    uint8_t head[HEAD];
    for (struct glint_client *c = s->clients; c; c = c->next) {
        if (c->ops != &glint_client_foxglove || !(c->channels >> topic & 1))
            continue;
        if (!m && !(m = encode(s, topic, f)))
            return;
        put_head(head, c->subscriptions[topic], (uint64_t)glint_ros_stamp(f));
        glint_client_newest(c, (int)topic, glint_message_ref(m), head, HEAD);
    }
    glint_message_unref(m);
}

static void frame(struct glint_server *s, const struct glint_frame *f)
{
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++)
        send_topic(s, (enum glint_ros_topic)t, f);
}

const struct glint_client_ops glint_client_foxglove = {"foxglove", client_open, word, wants, frame, NULL};
