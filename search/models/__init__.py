"""One net or trained model: named, loaded, selected, checked, evaluated."""
