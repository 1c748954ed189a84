

def test_runs_that_shared_the_machine_are_said():
    made = [record("kd", seed, environment={"cores": 2, "load_average": load}) for seed, load in enumerate((1.9, 5.0))]
    assert "**1 of 2 runs shared the machine, whose load was above its cores.**" in board(made)
    assert "shared the machine" not in board(made[:1])
