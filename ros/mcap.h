/* ros/mcap.h - the numbers of the MCAP format (mcap.dev, "MCAP Format Specification", version 0): what writer
 * and reader share. A file is
 *
 *     magic, header, chunk and its message indexes ..., data end, summary, summary offsets, footer, magic
 *
 * Every record is an opcode (u8), a length (u64) and its content; all numbers are little-endian. */
#ifndef GLINT_ROS_MCAP_H
#define GLINT_ROS_MCAP_H
#include <stdint.h>

#define GLINT_MCAP_MAGIC       "\x89MCAP0\r\n"
#define GLINT_MCAP_MAGIC_SIZE  8
#define GLINT_MCAP_RECORD_HEAD 9 /* opcode and length */

enum glint_mcap_opcode {
    GLINT_MCAP_HEADER = 0x01,
    GLINT_MCAP_FOOTER = 0x02,
    GLINT_MCAP_SCHEMA = 0x03,
    GLINT_MCAP_CHANNEL = 0x04,
    GLINT_MCAP_MESSAGE = 0x05,
    GLINT_MCAP_CHUNK = 0x06,
    GLINT_MCAP_MESSAGE_INDEX = 0x07,
    GLINT_MCAP_CHUNK_INDEX = 0x08,
    GLINT_MCAP_ATTACHMENT = 0x09,
    GLINT_MCAP_ATTACHMENT_INDEX = 0x0a,
    GLINT_MCAP_STATISTICS = 0x0b,
    GLINT_MCAP_METADATA = 0x0c,
    GLINT_MCAP_METADATA_INDEX = 0x0d,
    GLINT_MCAP_SUMMARY_OFFSET = 0x0e,
    GLINT_MCAP_DATA_END = 0x0f
};
#endif
