"""The loss: focal loss of the heat map, box errors at the labels' centres, weighted cross entropy of the points."""
import torch
import torch.nn.functional as F

# dx, dy (cells), z, log l, log w, log h, sine and cosine of yaw (front and back), of 2 yaw (the axis)
BOX_WEIGHT = (2, 2, 4, 1.5, 1, 1, 1, 1, 1, 1)
NOISY_HEADING = 0.15  # of a pedestrian: that of a round body is mostly noise
POINT_WEIGHT = (0.5, 1, 1, 2, 1.5, 3, 3, 2)  # ground, vegetation, building, pole, vehicle, pedestrian, cyclist, other
PARTS = (1, 0.4, 0.6)  # of heat map, boxes, points


def heat_loss(logits, heat, mask):
    """CornerNet's focal loss (Law and Deng, 2018): exponents 2 and 4."""
    p = torch.sigmoid(logits.float()).clamp(1e-4, 1 - 1e-4)
    hit = (heat == 1).float()
    found = torch.log(p) * (1 - p) ** 2 * hit
    quiet = torch.log(1 - p) * p ** 2 * (1 - heat) ** 4 * (1 - hit) * mask
    return -(found + quiet).sum() / hit.sum().clamp(min=1)


def box_loss(boxes, values, pedestrian):
    """Absolute errors [k, 10] and their weighted sum per object."""
    error = (boxes.float() - values[:, :10]).abs()
    weight = error.new_tensor(BOX_WEIGHT).repeat(len(error), 1)
    weight[values[:, 10] == pedestrian, 6:] *= NOISY_HEADING
    return error, (error * weight).sum() / max(1, len(boxes))


def loss(out, batch, config):
    """out of Net.forward, batch of dataset.samples. Gives the loss to minimise and a dictionary of numbers to print."""
    heat, boxes, logits = out
    pedestrian = config.classes.index("pedestrian") if "pedestrian" in config.classes else -1
    a = heat_loss(heat, batch["hm"], batch["msk"])
    error, b = box_loss(boxes, batch["reg"], pedestrian)
    c = F.cross_entropy(logits.float(), batch["c"], weight=logits.new_tensor(POINT_WEIGHT[:logits.shape[1]], dtype=torch.float32))
    total = PARTS[0] * a + PARTS[1] * b + PARTS[2] * c
    upright = error.detach()[batch["reg"][:, 10] != pedestrian]
    return total, {"loss": total.detach(), "heat": a.detach(), "box": b.detach(), "points": c.detach(),
                   "errors": upright.mean(0) if len(upright) else error.new_zeros(10)}
