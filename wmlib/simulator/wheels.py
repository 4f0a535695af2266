"""Steering, engine, brakes and tyres: gymnasium's Car.step in compiled form, in Python's float64 arithmetic."""

from __future__ import annotations

import math

import numpy as np
from gymnasium.envs.box2d import car_dynamics
from gymnasium.envs.box2d.car_racing import FPS

from wmlib.compiled import compiled
from wmlib.simulator.cars import (
    ANGLE,
    BRAKE,
    COS,
    FX,
    FY,
    GAS,
    HULL,
    OMEGA,
    PHASE,
    SIN,
    SPEED,
    STEER,
    VX,
    VY,
)  # fmt: skip

STEP = 1.0 / FPS  # s
POWER = STEP * car_dynamics.ENGINE_POWER
INERTIA = car_dynamics.WHEEL_MOMENT_OF_INERTIA
ROAD_GRIP = car_dynamics.FRICTION_LIMIT * 1.0
GRASS_GRIP = car_dynamics.FRICTION_LIMIT * 0.6
WHEEL_RADIUS = 1.0 * car_dynamics.WHEEL_R * car_dynamics.SIZE  # m
STIFFNESS = 205000 * car_dynamics.SIZE * car_dynamics.SIZE


@compiled
def sign(value):
    """-1.0, 0.0 or 1.0."""
    return 1.0 if value > 0 else (-1.0 if value < 0 else 0.0)


@compiled
def control(cars, lane, steer, gas, brake):
    """Take an action: gas rises by at most 0.1 a step and falls at once."""
    wheel = cars.wheel[lane]
    gas = min(max(gas, 0.0), 1.0)
    for i in range(4):
        wheel[i, BRAKE] = brake
        if i < 2:
            wheel[i, STEER] = -steer
        else:
            wheel[i, GAS] += min(gas - wheel[i, GAS], 0.1)


@compiled
def roll(cars, lane):
    """Set each joint's motor speed and the force of each tyre on its wheel, and turn the wheels."""
    for i in range(4):
        wheel, joint, body = cars.wheel[lane, i], cars.joint[lane, i], cars.body[lane, i]
        turn = wheel[STEER] - np.float64(body[ANGLE] - cars.body[lane, HULL, ANGLE])
        joint[SPEED] = np.float32(sign(turn) * min(50.0 * abs(turn), 3.0))

        grip = ROAD_GRIP if cars.on_road[lane, i] else GRASS_GRIP
        forward_x, forward_y = -np.float64(body[SIN]), np.float64(body[COS])
        side_x, side_y = np.float64(body[COS]), np.float64(body[SIN])
        velocity_x, velocity_y = np.float64(body[VX]), np.float64(body[VY])
        forward_speed = forward_x * velocity_x + forward_y * velocity_y
        side_speed = side_x * velocity_x + side_y * velocity_y

        omega = wheel[OMEGA]
        omega += POWER * wheel[GAS] / INERTIA / (abs(omega) + 5.0)
        if wheel[BRAKE] >= 0.9:
            omega = 0.0
        elif wheel[BRAKE] > 0:
            omega += -sign(omega) * min(15 * wheel[BRAKE], abs(omega))
        wheel[PHASE] += omega * STEP

        forward_force = (-forward_speed + omega * WHEEL_RADIUS) * STIFFNESS
        side_force = -side_speed * STIFFNESS
        force = math.sqrt(forward_force * forward_force + side_force * side_force)
        if force > grip:  # the tyre slips
            forward_force = forward_force / force * grip
            side_force = side_force / force * grip
        wheel[OMEGA] = omega - STEP * forward_force * WHEEL_RADIUS / INERTIA
        body[FX] = np.float32(side_force * side_x + forward_force * forward_x)
        body[FY] = np.float32(side_force * side_y + forward_force * forward_y)
