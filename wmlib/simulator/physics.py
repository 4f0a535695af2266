"""One step of the car's five bodies and four revolute joints: Box2D's island solver, sixteen cars at a time.

A car is an island of its own: the hull and four wheels, joined by motors with limits; tiles are sensors and push
nothing. So a step is: add forces, 180 sweeps over the joints' velocities, move, a few sweeps over the joints'
positions. The velocity sweeps are nearly all of the work. They are laid out with one car per vector lane, so that one
instruction serves many cars while each car's own operations keep Box2D's order, float32 rounding and therefore bits.

The algorithm and the order of its operations follow Box2D 2.3's b2Island.cpp and b2RevoluteJoint.cpp by Erin Catto
(zlib licence); this is an altered version in another language, not the original.
"""

from __future__ import annotations

import math

import numpy as np
from gymnasium.envs.box2d import car_dynamics

from wmlib.compiled import compiled
from wmlib.simulator.cars import (
    ANCHORS,
    ANGLE,
    CX,
    CY,
    FX,
    FY,
    HULL,
    HULL_CENTRE_X,
    HULL_CENTRE_Y,
    HULL_INVERSE_INERTIA,
    HULL_INVERSE_MASS,
    LIMIT,
    MOTOR,
    PUSH_X,
    PUSH_Y,
    REST,
    SPEED,
    SPIN,
    TWIST,
    VX,
    VY,
    WHEEL_INVERSE_INERTIA,
    WHEEL_INVERSE_MASS,
    cosine,
    settle,
    sine,
)  # fmt: skip

F = np.float32
WIDTH = 16  # cars solved together: one AVX-512 or two AVX registers of float32
VELOCITY_SWEEPS, POSITION_SWEEPS = 6 * 30, 2 * 30

ZERO, ONE, TWO = F(0), F(1), F(2)
STEP = F(1.0 / 50)  # s
RATIO = (ONE / STEP) * STEP  # Box2D scales impulses by the quotient of two steps
LOWER, UPPER = F(-0.4), F(0.4)  # rad, the joints' limits
MAX_MOTOR = STEP * F(180 * 900 * car_dynamics.SIZE * car_dynamics.SIZE)
PI = F(3.14159265359)
LINEAR_SLOP = F(0.005)  # m
ANGULAR_SLOP = F(2) / F(180) * PI  # rad
MAX_CORRECTION = F(8) / F(180) * PI  # rad
MAX_TRANSLATION, MAX_ROTATION = F(2), F(0.5) * PI  # m, rad, per step
SLEEP_SPEED, SLEEP_SPIN, SLEEP_TIME = F(0.01), F(2) / F(180) * PI, F(0.5)

MA, IA, MB, IB = HULL_INVERSE_MASS, HULL_INVERSE_INERTIA, WHEEL_INVERSE_MASS, WHEEL_INVERSE_INERTIA
MASS, INERTIA = MA + MB, IA + IB
MOTOR_MASS = ONE / INERTIA

# A joint's page of the work table has 24 rows of WIDTH floats: the wheel's velocity, the accumulated impulses, what
# stays fixed during a step, and a copy of the hull's velocity, which travels from page to page. One page, constant
# offsets: that is what lets the compiler see that rows do not overlap, and use vector instructions.
(
    WVX, WVY, WSPIN, WPX, WPY, WTWIST, WMOTOR, WSPEED, WLIMIT, ARM_X, ARM_Y,
    A11, A12, A22, DET2, EZ_X, EZ_Y, DET3, CROSS_X, CROSS_Y, CROSS_Z, HVX, HVY, HSPIN,
) = range(24)  # fmt: skip
PAGE = 24 * WIDTH
TABLE = 4 * PAGE


@compiled
def load(work, slot, body, joint):
    """Integrate the forces of one car, prepare its joints and put both into column ``slot`` of the work table."""
    limited = 0
    hull = body[HULL]
    hull_vx = hull[VX] + STEP * (ZERO + MA * hull[FX])
    hull_vy = hull[VY] + STEP * (ZERO + MA * hull[FY])
    hull_spin = hull[SPIN]
    s, c = sine(hull[ANGLE]), cosine(hull[ANGLE])
    for k in range(3, -1, -1):
        wheel, pin = body[k], joint[k]
        base = k * PAGE + slot
        x, y = ANCHORS[k, 0] - HULL_CENTRE_X, ANCHORS[k, 1] - HULL_CENTRE_Y
        rx, ry = c * x - s * y, s * x + c * y
        work[base + ARM_X * WIDTH], work[base + ARM_Y * WIDTH] = rx, ry
        a11, a12, a22 = MASS + ry * ry * IA, -ry * rx * IA, MASS + rx * rx * IA
        ez_x, ez_y = -ry * IA, rx * IA
        det = a11 * a22 - a12 * a12
        if det != ZERO:
            det = ONE / det
        cross_x, cross_y, cross_z = a22 * INERTIA - ez_y * ez_y, ez_y * ez_x - a12 * INERTIA, a12 * ez_y - a22 * ez_x
        det3 = a11 * cross_x + a12 * cross_y + ez_x * cross_z
        if det3 != ZERO:
            det3 = ONE / det3
        work[base + A11 * WIDTH], work[base + A12 * WIDTH], work[base + A22 * WIDTH] = a11, a12, a22
        work[base + DET2 * WIDTH], work[base + DET3 * WIDTH] = det, det3
        work[base + EZ_X * WIDTH], work[base + EZ_Y * WIDTH] = ez_x, ez_y
        work[base + CROSS_X * WIDTH], work[base + CROSS_Y * WIDTH], work[base + CROSS_Z * WIDTH] = (
            cross_x, cross_y, cross_z,
        )  # fmt: skip

        angle = wheel[ANGLE] - hull[ANGLE]
        limit = -ONE if angle <= LOWER else (ONE if angle >= UPPER else ZERO)
        if limit == ZERO or limit != pin[LIMIT]:
            pin[TWIST] = ZERO
        pin[LIMIT] = limit
        if limit != ZERO:
            limited |= 1 << k

        px, py = pin[PUSH_X] * RATIO, pin[PUSH_Y] * RATIO
        twist, motor = pin[TWIST] * RATIO, pin[MOTOR] * RATIO
        torque = (rx * py - ry * px) + motor + twist
        hull_vx -= MA * px
        hull_vy -= MA * py
        hull_spin -= IA * torque
        work[base + WVX * WIDTH] = (wheel[VX] + STEP * (ZERO + MB * wheel[FX])) + MB * px
        work[base + WVY * WIDTH] = (wheel[VY] + STEP * (ZERO + MB * wheel[FY])) + MB * py
        work[base + WSPIN * WIDTH] = wheel[SPIN] + IB * (motor + twist)
        work[base + WPX * WIDTH], work[base + WPY * WIDTH] = px, py
        work[base + WTWIST * WIDTH], work[base + WMOTOR * WIDTH] = twist, motor
        work[base + WSPEED * WIDTH], work[base + WLIMIT * WIDTH] = pin[SPEED], limit
    work[HVX * WIDTH + slot], work[HVY * WIDTH + slot], work[HSPIN * WIDTH + slot] = hull_vx, hull_vy, hull_spin
    return limited


@compiled
def _free_joint(work):
    """Velocity constraint of a page's joint where no car is at a limit: motor, then point to point."""
    for j in range(WIDTH):
        wa, wb = work[HSPIN * WIDTH + j], work[WSPIN * WIDTH + j]
        old = work[WMOTOR * WIDTH + j]
        motor = old + -MOTOR_MASS * (wb - wa - work[WSPEED * WIDTH + j])
        motor = motor if motor < MAX_MOTOR else MAX_MOTOR
        motor = motor if -MAX_MOTOR < motor else -MAX_MOTOR
        work[WMOTOR * WIDTH + j] = motor
        wa -= IA * (motor - old)
        wb += IB * (motor - old)
        rx, ry = work[ARM_X * WIDTH + j], work[ARM_Y * WIDTH + j]
        vax, vay = work[HVX * WIDTH + j], work[HVY * WIDTH + j]
        vbx, vby = work[WVX * WIDTH + j], work[WVY * WIDTH + j]
        x, y = -(vbx - vax - -wa * ry), -(vby - vay - wa * rx)
        det, a12 = work[DET2 * WIDTH + j], work[A12 * WIDTH + j]
        px = det * (work[A22 * WIDTH + j] * x - a12 * y)
        py = det * (work[A11 * WIDTH + j] * y - a12 * x)
        work[WPX * WIDTH + j] += px
        work[WPY * WIDTH + j] += py
        work[HVX * WIDTH + j] = vax - MA * px
        work[HVY * WIDTH + j] = vay - MA * py
        work[HSPIN * WIDTH + j] = wa - IA * (rx * py - ry * px)
        work[WVX * WIDTH + j] = vbx + MB * px
        work[WVY * WIDTH + j] = vby + MB * py
        work[WSPIN * WIDTH + j] = wb


@compiled
def _limited_joint(work):
    """Velocity constraint of a page's joint where some car is at a limit: motor, then point and limit together.

    A joint away from its limits is the case in which the limit's impulse is clamped to zero, so one formula serves all.
    """
    for j in range(WIDTH):
        wa, wb = work[HSPIN * WIDTH + j], work[WSPIN * WIDTH + j]
        old = work[WMOTOR * WIDTH + j]
        motor = old + -MOTOR_MASS * (wb - wa - work[WSPEED * WIDTH + j])
        motor = motor if motor < MAX_MOTOR else MAX_MOTOR
        motor = motor if -MAX_MOTOR < motor else -MAX_MOTOR
        work[WMOTOR * WIDTH + j] = motor
        wa -= IA * (motor - old)
        wb += IB * (motor - old)
        rx, ry = work[ARM_X * WIDTH + j], work[ARM_Y * WIDTH + j]
        vax, vay = work[HVX * WIDTH + j], work[HVY * WIDTH + j]
        vbx, vby = work[WVX * WIDTH + j], work[WVY * WIDTH + j]
        x, y, z = vbx - vax - -wa * ry, vby - vay - wa * rx, wb - wa
        a11, a12, a22 = work[A11 * WIDTH + j], work[A12 * WIDTH + j], work[A22 * WIDTH + j]
        ez_x, ez_y = work[EZ_X * WIDTH + j], work[EZ_Y * WIDTH + j]
        det3, limit, twist = work[DET3 * WIDTH + j], work[WLIMIT * WIDTH + j], work[WTWIST * WIDTH + j]
        # Solve33: point and limit as one system.
        px = -(det3 * (x * work[CROSS_X * WIDTH + j] + y * work[CROSS_Y * WIDTH + j] + z * work[CROSS_Z * WIDTH + j]))
        py = -(det3 * (a11 * (y * INERTIA - z * ez_y) + a12 * (z * ez_x - x * INERTIA) + ez_x * (x * ez_y - y * ez_x)))
        pz = -(det3 * (a11 * (a22 * z - ez_y * y) + a12 * (ez_y * x - a12 * z) + ez_x * (a12 * y - a22 * x)))
        # Solve22: the limit would pull, so its impulse goes to zero and only the point is held.
        bx, by = -x + twist * ez_x, -y + twist * ez_y
        det = work[DET2 * WIDTH + j]
        qx, qy = det * (a22 * bx - a12 * by), det * (a11 * by - a12 * bx)
        clamped = (limit == ZERO) | ((twist + pz) * limit > ZERO)
        px = qx if clamped else px
        py = qy if clamped else py
        pz = -twist if clamped else pz
        work[WPX * WIDTH + j] += px
        work[WPY * WIDTH + j] += py
        work[WTWIST * WIDTH + j] = twist + pz
        work[HVX * WIDTH + j] = vax - MA * px
        work[HVY * WIDTH + j] = vay - MA * py
        work[HSPIN * WIDTH + j] = wa - IA * ((rx * py - ry * px) + pz)
        work[WVX * WIDTH + j] = vbx + MB * px
        work[WVY * WIDTH + j] = vby + MB * py
        work[WSPIN * WIDTH + j] = wb + IB * pz


@compiled
def sweep(work, limited):
    """All velocity sweeps over a work table; bit k of ``limited``: some car's joint k is at a limit."""
    for _ in range(VELOCITY_SWEEPS):
        for k in range(3, -1, -1):  # the order in which Box2D finds the joints
            hull = HVX * WIDTH + PAGE * ((k + 1) & 3)
            for j in range(3 * WIDTH):
                work[HVX * WIDTH + PAGE * k + j] = work[hull + j]
            if limited & (1 << k):
                _limited_joint(work[PAGE * k : PAGE * (k + 1)])
            else:
                _free_joint(work[PAGE * k : PAGE * (k + 1)])


@compiled
def _move(body, vx, vy, spin):
    """Move one body by its velocity, which is cut where a step would be too long."""
    tx, ty = STEP * vx, STEP * vy
    if tx * tx + ty * ty > MAX_TRANSLATION * MAX_TRANSLATION:
        ratio = MAX_TRANSLATION / F(math.sqrt(tx * tx + ty * ty))
        vx *= ratio
        vy *= ratio
    rotation = STEP * spin
    if rotation * rotation > MAX_ROTATION * MAX_ROTATION:
        spin *= MAX_ROTATION / abs(rotation)
    body[CX] += STEP * vx
    body[CY] += STEP * vy
    body[ANGLE] += STEP * spin
    body[VX], body[VY], body[SPIN] = vx, vy, spin


@compiled
def _position_sweep(body, joint):
    """Push the joints' anchors together and the angles inside their limits; true if all were close enough before."""
    good = True
    hull = body[HULL]
    for k in range(3, -1, -1):
        wheel, limit = body[k], joint[k, LIMIT]
        error = ZERO
        if limit != ZERO:
            angle = wheel[ANGLE] - hull[ANGLE]
            if limit < ZERO:
                excess = angle - LOWER
                error = -excess
                excess = min(max(excess + ANGULAR_SLOP, -MAX_CORRECTION), ZERO)
            else:
                excess = angle - UPPER
                error = excess
                excess = min(max(excess - ANGULAR_SLOP, ZERO), MAX_CORRECTION)
            impulse = -MOTOR_MASS * excess
            hull[ANGLE] -= IA * impulse
            wheel[ANGLE] += IB * impulse
        s, c = sine(hull[ANGLE]), cosine(hull[ANGLE])
        x, y = ANCHORS[k, 0] - HULL_CENTRE_X, ANCHORS[k, 1] - HULL_CENTRE_Y
        rx, ry = c * x - s * y, s * x + c * y
        dx, dy = wheel[CX] - hull[CX] - rx, wheel[CY] - hull[CY] - ry
        good &= F(math.sqrt(dx * dx + dy * dy)) <= LINEAR_SLOP and error <= ANGULAR_SLOP
        a11, a12, a22 = MASS + IA * ry * ry, -IA * rx * ry, MASS + IA * rx * rx
        det = a11 * a22 - a12 * a12
        if det != ZERO:
            det = ONE / det
        px, py = -(det * (a22 * dx - a12 * dy)), -(det * (a11 * dy - a12 * dx))
        hull[CX] -= MA * px
        hull[CY] -= MA * py
        hull[ANGLE] -= IA * (rx * py - ry * px)
        wheel[CX] += MB * px
        wheel[CY] += MB * py
    return good


@compiled
def store(work, slot, body, joint):
    """Take one car's solved velocities from column ``slot``, move it, and put it to sleep if it has stood still."""
    for k in range(4):
        base = k * PAGE + slot
        pin = joint[k]
        pin[PUSH_X], pin[PUSH_Y] = work[base + WPX * WIDTH], work[base + WPY * WIDTH]
        pin[TWIST], pin[MOTOR] = work[base + WTWIST * WIDTH], work[base + WMOTOR * WIDTH]
        _move(body[k], work[base + WVX * WIDTH], work[base + WVY * WIDTH], work[base + WSPIN * WIDTH])
    _move(body[HULL], work[HVX * WIDTH + slot], work[HVY * WIDTH + slot], work[HSPIN * WIDTH + slot])
    solved = False
    for _ in range(POSITION_SWEEPS):
        if _position_sweep(body, joint):
            solved = True
            break
    rest = F(np.inf)
    for k in range(5):
        part = body[k]
        if k == HULL:
            settle(part, HULL_CENTRE_X, HULL_CENTRE_Y)
        else:
            settle(part, ZERO, ZERO)
        part[FX] = part[FY] = ZERO
        slow = part[VX] * part[VX] + part[VY] * part[VY] <= SLEEP_SPEED * SLEEP_SPEED
        if slow and part[SPIN] * part[SPIN] <= SLEEP_SPIN * SLEEP_SPIN:
            part[REST] += STEP
        else:
            part[REST] = ZERO
        rest = min(rest, part[REST])
    if rest >= SLEEP_TIME and solved:
        for k in range(5):
            body[k, VX] = body[k, VY] = body[k, SPIN] = body[k, REST] = ZERO
