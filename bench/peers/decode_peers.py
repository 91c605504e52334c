#!/usr/bin/env python3
"""Packets in memory to points on one core: Glint, velodyne-decoder, ouster-sdk; the same captures, taking turns.

velodyne-decoder: ScanDecoder on all packets of a capture as one vector (its own C++ loop; no Python per packet).
ouster-sdk: FrameBatcher per packet (a call from Python each) and XYZLut per frame, the way its examples go.

The work is the same packets for all; ratios are of their times. Points differ where a decoder leaves some out: of two
returns at the same distance velodyne-decoder gives one. Sensors without a capture: packets of `glint bench decode
--sensor`, made here alike."""
import os
import struct

import common

CAPTURES = [
    ("Velodyne VLP-16 dual", "velodyne_vlp16_dual/vlp16_1673400471.pcap", "VLP16"),
    ("Velodyne VLP-16", "velodyne_vlp16_gps/sample_velodyne_vlp16_gps.pcap", "VLP16"),
    ("Velodyne VLP-32C", "velodyne_vlp32c/vlp32c_1713492677.pcap", "VLP32C"),
    ("Velodyne HDL-32E", "velodyne_hdl32e/sample_velodyne_hdl32.pcap", "HDL32E"),
    ("Hesai Pandar40P", "hesai_pandar40p/pandar40p_1673400149.pcap", None),
    ("Hesai PandarXT32", "hesai_xt32/xt32_1673400677.pcap", None),
    ("Hesai PandarQT64", "hesai_qt64/qt64_1673401195.pcap", None),
    ("Ouster OS-0-128 RNG15", "ouster_os0_128_rng15/OS-0-128-U1_v2.3.0_1024x10.pcap", "OS-0-128-U1_v2.3.0_1024x10.json"),
    ("Ouster OS-0-32 dual", "ouster_os0_32_dual/OS-0-32-U1_v2.2.0_1024x10.pcap", "OS-0-32-U1_v2.2.0_1024x10.json"),
    ("Ouster OS-1-32 legacy", "ouster_os1_32_legacy/OS-1-32-G_v2.1.1_1024x10.pcap", "OS-1-32-G_v2.1.1_1024x10.json"),
]


MADE = [("Velodyne VLS-128 (made)", "VLS-128", "VLS128", False), ("Velodyne VLS-128 dual (made)", "VLS-128 dual", "VLS128", True)]


def made_vls128(n, dual):
    """The first n packets of sim/made_packets.c."""
    group, out = 8 if dual else 4, []
    groups, period_us = 12 // group, 53.3 * (1 if dual else 3)

    def raw(firing, laser, ret):
        return 0 if (firing * 31 + laser * 17) % 11 == 0 else int((5 + 0.25 * ((firing * 7 + laser * 13) % 97) + ret) / 0.004 + 0.5)
    for k in range(n):
        body = bytearray(1206)
        for b in range(groups * group):
            firing, i = k * groups + b // group, b % group
            bank, ret = (i // 2, i % 2) if dual else (i, 0)
            struct.pack_into("<HH", body, 100 * b, 0xeeff - 0x1100 * bank, firing * 53300 * 36 // 100000 % 36000)
            for c in range(32):
                struct.pack_into("<HB", body, 100 * b + 4 + 3 * c, raw(firing, bank * 32 + c, ret), (firing + c) & 255)
        struct.pack_into("<IBB", body, 1200, int(800000000 + k * period_us), 0x39 if dual else 0x37, 0xa1)
        out.append((1700000000 + k * period_us * 1e-6, bytes(body)))
    return out


def payloads(path, size=None):
    """UDP payloads of an Ethernet capture (microseconds, no fragments) with their times."""
    data, at, out = open(path, "rb").read(), 24, []
    while at + 16 <= len(data):
        s, us, n, _ = struct.unpack_from("<IIII", data, at)
        body = data[at + 16 + 42:at + 16 + n]
        at += 16 + n
        if size is None or len(body) == size:
            out.append((s + us * 1e-6, body))
    return out


def velodyne(bodies, model):
    import velodyne_decoder as vd
    packets = vd.PacketVector([vd.VelodynePacket(t, body) for t, body in bodies])
    decoder = vd.ScanDecoder(vd.Config(model=getattr(vd.Model, model), min_range=0.0, max_range=1000.0))
    points = len(decoder.decode(packets, True)[1])
    return lambda: decoder.decode(packets, True), points


def ouster(path, metadata):
    import ouster.sdk.core as core
    with open(os.path.join(os.path.dirname(path), metadata)) as f:
        info = core.SensorInfo(f.read())
    form = core.PacketFormat(info)
    size = form.lidar_packet_size
    packets = []
    for _, body in payloads(path, size):
        packet = core.LidarPacket(form)
        packet.buf[:] = bytearray(body)
        packets.append(packet)
    frame, lut = core.LidarFrame(info), core.XYZLut(info)
    dual = "RANGE2" in frame.fields

    def run():
        batch = core.FrameBatcher(info)
        for packet in packets:
            batch.batch(packet, frame)
        return [lut(frame.field(name)) for name in (["RANGE", "RANGE2"] if dual else ["RANGE"])]
    run()
    points = int(sum((frame.field(name) > 0).sum() for name in (["RANGE", "RANGE2"] if dual else ["RANGE"])))
    return run, points


def peer(label, path, key):
    """path: of a capture, or packets."""
    if key is None:
        return None
    is_velodyne = label.startswith("Velodyne")
    name = "velodyne-decoder" if is_velodyne else "ouster-sdk"
    try:
        if not is_velodyne:
            return name, *ouster(path, key)
        return name, *velodyne(payloads(path, 1206) if isinstance(path, str) else path, key)
    except Exception as e:
        return name, None, f"{type(e).__name__}: {e}"


def measure(args, label, words, make, key):
    """words: what `glint bench decode` measures; make(n): the same for the peer, of n packets."""
    own = common.glint(args, "decode", *words, "--repeat", 5)
    contenders, notes = {"Glint": lambda: common.glint_row(common.glint(args, "decode", *words, "--repeat", 15), "decode")}, {}
    points = {"Glint": own["points"]}
    found = peer(label, make(own["packets"]), key)
    if found and found[1]:
        contenders[found[0]] = common.turn(found[1])
        points[found[0]] = found[2]
    elif found:
        notes[found[0]] = found[2]
    samples = common.in_turns(contenders, args.rounds)
    base = sorted(samples["Glint"])[len(samples["Glint"]) // 2]
    rows = []
    for name, times in samples.items():
        r = common.row(name, times, base, points=points[name])
        r["mpoints_per_s"] = points[name] / r["median_ms"] * 1e-3
        r["note"] = f"{points[name]} points, {r['mpoints_per_s']:.0f} Mpoints/s"
        if points[name] < points["Glint"]:
            r["note"] += " (of the same packets)"
        rows.append(r)
    common.print_rows(label, rows)
    for name, why in notes.items():
        print(f"  {name} not measured: {why}")
    return {"label": label, "packets": own["packets"], "rows": rows, "not_measured": notes}


def main():
    args = common.arguments(__doc__, 1).parse_args()
    common.one_core()
    args.rounds = 3 if args.quick else args.rounds
    out = {"section": "decode", "machine": common.machine(), "cases": [],
           "versions": {m: common.version(m) for m in ("velodyne-decoder", "ouster-sdk")}}
    for label, name, key in CAPTURES:
        path = os.path.join(args.shared, "captures", name)
        if os.path.exists(path):
            out["cases"].append({**measure(args, label, [path], lambda n, path=path: path, key), "crc32": common.crc(path)})
    for label, name, key, dual in MADE:
        out["cases"].append(measure(args, label, ["--sensor", name], lambda n, dual=dual: made_vls128(n, dual), key))
    common.save(args, out)


if __name__ == "__main__":
    main()
