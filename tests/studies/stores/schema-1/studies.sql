BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE confirmation_trainings (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	stage INTEGER NOT NULL, 
	trial_number INTEGER NOT NULL, 
	seed BIGINT NOT NULL, 
	seconds FLOAT NOT NULL, 
	num_images INTEGER, 
	correct BLOB, 
	confusion JSON, 
	PRIMARY KEY (id), 
	UNIQUE (study_name, stage, trial_number, seed), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "confirmation_trainings" VALUES(1,'digits-700',1,2,2340540091,2.67982132000099682045e-01,300,X'98942509001166A11080418801217F01E4866115758128C858050666A0540C5251A941130380','null');
INSERT INTO "confirmation_trainings" VALUES(2,'digits-700',1,0,2340540091,2.61293308999995588237e-01,300,X'7D96BFADE8A52FB38234A7C0619FFD26AE575B75F51B6CEE5A0F38D784DF8775C1BDF3765240','null');
INSERT INTO "confirmation_trainings" VALUES(3,'digits-700',1,0,1727626436,2.37886988999889581464e-01,300,X'0D14B509086167F5E549BB855DF37C03BD5F5B77F53F3ACC7BC521DCCDEC0450E09C01764C00','null');
INSERT INTO "confirmation_trainings" VALUES(4,'digits-700',1,2,1727626436,1.68703692000008231843e-01,300,X'109E2149A04876E98080098499637E33BD3E011E772F6048CAE50457F11C04C805B941128210','null');
INSERT INTO "confirmation_trainings" VALUES(9,'digits-700',2,2,1924178782,8.86120904999984304595e-01,300,X'FFCFFFEEFFFFFFF7FFF7E7FFEFBFD3FFFFCD67BFFFFDFFFFFDFFFDAFF7FEFFF577BFDCBF3FF0','[[29, 0, 0, 0, 0, 0, 0, 0, 1, 0], [0, 16, 0, 0, 0, 0, 2, 0, 9, 3], [0, 1, 27, 0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 29, 0, 0, 0, 2, 0, 0], [0, 1, 0, 0, 26, 1, 1, 0, 0, 1], [2, 0, 0, 0, 0, 24, 0, 3, 0, 2], [0, 0, 0, 0, 0, 0, 30, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 30, 0, 0], [0, 2, 0, 2, 0, 0, 0, 1, 23, 1], [0, 0, 0, 0, 0, 2, 0, 0, 0, 28]]');
INSERT INTO "confirmation_trainings" VALUES(10,'digits-700',2,0,1924178782,8.11260932000038792466e-01,300,X'FDDFFFEFFBBFFFFFFFFFFFFFFFFFFAFFFFFDFFFFFF7FFFFFFFFFFFFFFFFFEFFFFFB7DFFFFFF0','[[30, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 29, 1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 29, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 31, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 29, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 31, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 30, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 29, 0, 1], [0, 6, 1, 1, 0, 1, 0, 1, 19, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 30]]');
INSERT INTO "confirmation_trainings" VALUES(11,'digits-700',2,2,4074753535,7.98856992000025911693e-01,300,X'BFFFFFEEFFFFFFFBFFDFCBFDDFBF7BFFDFDDFFDFFB7DDFEFFDFFFFFFFFFFE3EFF7BFFEFFFFF0','[[29, 0, 0, 0, 0, 0, 0, 1, 0, 0], [0, 29, 0, 0, 0, 0, 0, 0, 1, 0], [0, 0, 29, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 31, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 29, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 26, 0, 0, 2, 3], [0, 0, 0, 0, 2, 0, 28, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 29, 1, 0], [0, 5, 0, 10, 0, 0, 0, 0, 13, 1], [0, 0, 0, 0, 0, 3, 0, 0, 0, 27]]');
INSERT INTO "confirmation_trainings" VALUES(12,'digits-700',2,0,4074753535,8.98395359999938136752e-01,300,X'FDDFFFCFEBFDFFFFFFD7FFFDFFFFDFFFFBFFFFFFFEFFFFFFFFFFFFFFFBFFEFF777BFDFBFBFF0','[[30, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 25, 0, 1, 0, 0, 0, 0, 3, 1], [0, 0, 28, 0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 29, 0, 0, 0, 2, 0, 0], [0, 0, 0, 0, 29, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 30, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 30, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 28, 1, 0], [0, 4, 1, 0, 1, 1, 0, 0, 21, 1], [0, 0, 0, 2, 0, 0, 0, 0, 0, 28]]');
CREATE TABLE confirmations (
	study_name VARCHAR(255) NOT NULL, 
	seeds JSON NOT NULL, 
	top INTEGER, 
	num_complete INTEGER NOT NULL, 
	contenders JSON NOT NULL, 
	members JSON, 
	PRIMARY KEY (study_name), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "confirmations" VALUES('digits-700','{"1": [2340540091, 1727626436], "2": [1924178782, 4074753535]}',2,4,'[{"trial": 2, "num_params": 460, "val_accuracy": 0.43666666666666665, "notation": "3s:brd0.01 p 3s:brd0.01 3s:brd0.01 p 3v:brd0.01 4v:brd0.01 gap fc10+"}, {"trial": 0, "num_params": 573, "val_accuracy": 0.6233333333333333, "notation": "3s:brd0.01 p 3s:brd0.01 3s:brd0.01 p 4v:brd0.01 5v:brd0.01 gap fc10+"}]','[2, 0]');
CREATE TABLE epochs (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	trial_number INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	train_loss FLOAT NOT NULL, 
	train_accuracy FLOAT NOT NULL, 
	val_loss FLOAT NOT NULL, 
	val_accuracy FLOAT NOT NULL, 
	learning_rate FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (study_name, trial_number, epoch), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "epochs" VALUES(1,'digits-700',0,1,2.3048974860682540644e+00,1.06666666666666673513e-01,2.30998515858222,8.33333333333333287074e-02,1.67990112002020436365e-01,2.51325369999904069118e-02);
INSERT INTO "epochs" VALUES(2,'digits-700',0,2,2.09164662714443894131e+00,0.21,6.20759109055775937235e+00,0.1,1.4338862809179761526e-01,2.43600789999618427827e-02);
INSERT INTO "epochs" VALUES(3,'digits-700',0,3,1.67868415591398956188e+00,0.45,2.24917928944051048745e+00,2.7333333333333331705e-01,8.39953919812342214568e-02,3.81229250000387764885e-02);
INSERT INTO "epochs" VALUES(4,'digits-700',0,4,1.36155532873350404443e+00,5.26666666666666616336e-01,1.31509973637546329072e+00,0.56,2.46021558706708276531e-02,3.95384800000329050817e-02);
INSERT INTO "epochs" VALUES(5,'digits-700',0,5,1.21243120691854877613e+00,6.33333333333333303727e-01,1.21388316687973407681e+00,6.23333333333333294845e-01,6.71960448008081726988e-07,3.72157350000179576454e-02);
INSERT INTO "epochs" VALUES(6,'digits-700',1,1,2.33925227523961831721e+00,1.26666666666666677398e-01,2.33869548781133840265e+00,0.1,6.11891460539235737536e-02,4.86861040000121647608e-02);
INSERT INTO "epochs" VALUES(7,'digits-700',1,2,2.2196269799857146765e+00,2.13333333333333347026e-01,2.32819987798120031641e+00,0.1,5.22282389256053872217e-02,3.63914089999752832227e-02);
INSERT INTO "epochs" VALUES(8,'digits-700',1,3,2.12584668185103,2.56666666666666654084e-01,2.2941074495476,1.8333333333333332038e-01,3.05946954052538945545e-02,3.47346529999867925653e-02);
INSERT INTO "epochs" VALUES(9,'digits-700',1,4,2.05993742599318219177e+00,0.29,2.17963514661450874498e+00,0.27,8.96115188490239841789e-03,4.11494909999987612536e-02);
INSERT INTO "epochs" VALUES(10,'digits-700',1,5,2.01085921363094266567e+00,0.34,2.12250620410567636398e+00,0.3,2.44756584215694265546e-07,3.90402250000079220626e-02);
INSERT INTO "epochs" VALUES(11,'digits-700',2,1,2.35052953174347845077e+00,1.23333333333333336478e-01,2.28562629446647536113e+00,2.03333333333333338144e-01,8.07773529650533811397e-02,4.12153850000436250411e-02);
INSERT INTO "epochs" VALUES(12,'digits-700',2,2,2.14641279720630961946e+00,2.93333333333333334813e-01,2.06620425105701555068e+00,2.23333333333333328152e-01,6.89478308247487847726e-02,3.39958960000217302876e-02);
INSERT INTO "epochs" VALUES(13,'digits-700',2,3,1.94219956509129398902e+00,0.35,1.80786523861778047894e+00,3.86666666666666658525e-01,4.03888380372326161182e-02,3.56917260000386704632e-02);
INSERT INTO "epochs" VALUES(14,'digits-700',2,4,1.78580082525328487363e+00,3.46666666666666678509e-01,1.74400299532938984903e+00,4.23333333333333339254e-01,1.1829845249716459607e-02,5.97038120000092931149e-02);
INSERT INTO "epochs" VALUES(15,'digits-700',2,5,1.74535072406574043313e+00,3.73333333333333350356e-01,1.69638228472286356485e+00,4.36666666666666647422e-01,3.23109411860213541212e-07,6.1020681999991666089e-02);
INSERT INTO "epochs" VALUES(16,'digits-700',3,1,2.32210790609359607472e+00,1.13333333333333327597e-01,2.32357147968490052036e+00,1.03333333333333332593e-01,1.84870461124434837252e-01,3.29358289999959197302e-02);
INSERT INTO "epochs" VALUES(17,'digits-700',3,2,2.15380177369113212648e+00,2.43333333333333345915e-01,3.56022462388669813648e+00,0.1,1.57796917207912196223e-01,3.61432939999986047041e-02);
INSERT INTO "epochs" VALUES(18,'digits-700',3,3,2.01685166581444352829e+00,2.96666666666666689611e-01,5.13523394513153697005e+00,0.1,9.24356003031396589175e-02,3.19443399999954635859e-02);
INSERT INTO "epochs" VALUES(19,'digits-700',3,4,1.8913958994274555625e+00,3.26666666666666660745e-01,2.90032176226127669238e+00,1.46666666666666667406e-01,2.70742833983671320197e-02,3.11315260000242233218e-02);
INSERT INTO "epochs" VALUES(20,'digits-700',3,5,1.87308622848620154321e+00,3.23333333333333305947e-01,1.98351957822411684162e+00,2.16666666666666674068e-01,7.39481844497739397061e-07,2.93161309999732111464e-02);
INSERT INTO "epochs" VALUES(21,'digits-700',4,1,2.32986925727166616084e+00,8.66666666666666696272e-02,2.33752016359001135725e+00,0.1,5.54473391138828181068e-02,3.78159900000127890962e-02);
INSERT INTO "epochs" VALUES(22,'digits-700',4,2,2.24126777888619121981e+00,0.25,2.32378006692860372695e+00,0.1,4.73272967803289798527e-02,3.83117600000559832551e-02);
INSERT INTO "epochs" VALUES(23,'digits-700',4,3,2.15970313725901918999e+00,3.93333333333333312609e-01,2.31258966178703673222e+00,0.09,2.77237804516196374715e-02,3.67594589999953313963e-02);
INSERT INTO "epochs" VALUES(24,'digits-700',4,4,2.10386335299444748869e+00,4.6333333333333331927e-01,2.2704292569334967311e+00,1.93333333333333329262e-01,8.12026412291029162093e-03,4.30729370000335620716e-02);
CREATE TABLE pareto_front (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	trial_number INTEGER NOT NULL, 
	num_params INTEGER NOT NULL, 
	val_accuracy FLOAT NOT NULL, 
	notation VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (study_name, trial_number), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "pareto_front" VALUES(1,'digits-700',0,573,6.23333333333333294845e-01,'3s:brd0.01 p 3s:brd0.01 3s:brd0.01 p 4v:brd0.01 5v:brd0.01 gap fc10+');
INSERT INTO "pareto_front" VALUES(2,'digits-700',2,460,4.36666666666666647422e-01,'3s:brd0.01 p 3s:brd0.01 3s:brd0.01 p 3v:brd0.01 4v:brd0.01 gap fc10+');
CREATE TABLE queued_candidates (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	candidate_key VARCHAR(16) NOT NULL, 
	source VARCHAR NOT NULL, 
	params JSON NOT NULL, 
	slot_id INTEGER, 
	PRIMARY KEY (id), 
	UNIQUE (study_name, candidate_key), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
CREATE TABLE search_schema_version (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "search_schema_version" VALUES(1);
CREATE TABLE searches (
	study_name VARCHAR(255) NOT NULL, 
	fingerprint JSON NOT NULL, 
	num_transactions INTEGER NOT NULL, 
	PRIMARY KEY (study_name)
);
INSERT INTO "searches" VALUES('digits-700','{"dataset": "digits", "dataset_sha256": "e131310dd819fb30d55cb9b796424204d0ed6bf16da88288ca92b73cbb7c8229", "split_seed": 0, "train_size": 300, "space": "[[stage]]\nlayers = [1, 2]\nwidth = [3, 16]\nkernel = 3\npadding = \"same\"\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 24]\nkernel = 3\npadding = \"same\"\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 32]\nkernel = 3\npadding = \"valid\"\n\n[architecture]\ndropout = [0.0, 0.03]\n\n[training]\nbatch_size_choices = [32, 64]\nmax_lr = [0.05, 0.2]\nweight_decay = [1e-05, 0.0002]\nlabel_smoothing = [0.0, 0.0]\naugmentation = [0.4, 1.2]\n", "budget": 700, "epochs": 5, "seed": 3}',12);
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'digits-700');
INSERT INTO "studies" VALUES(2,'digits-700.curves');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',1,1);
INSERT INTO "study_directions" VALUES(3,'MAXIMIZE',2,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'study:metric_names','["val_accuracy", "num_params"]');
INSERT INTO "study_system_attributes" VALUES(2,2,'study:metric_names','["val_accuracy"]');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'fingerprint','{"dataset": "digits", "dataset_sha256": "e131310dd819fb30d55cb9b796424204d0ed6bf16da88288ca92b73cbb7c8229", "split_seed": 0, "train_size": 300, "space": "[[stage]]\nlayers = [1, 2]\nwidth = [3, 16]\nkernel = 3\npadding = \"same\"\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 24]\nkernel = 3\npadding = \"same\"\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 32]\nkernel = 3\npadding = \"valid\"\n\n[architecture]\ndropout = [0.0, 0.03]\n\n[training]\nbatch_size_choices = [32, 64]\nmax_lr = [0.05, 0.2]\nweight_decay = [1e-05, 0.0002]\nlabel_smoothing = [0.0, 0.0]\naugmentation = [0.4, 1.2]\n", "budget": 700, "epochs": 5, "seed": 3}');
INSERT INTO "study_user_attributes" VALUES(2,2,'fingerprint','{"dataset": "digits", "dataset_sha256": "e131310dd819fb30d55cb9b796424204d0ed6bf16da88288ca92b73cbb7c8229", "split_seed": 0, "train_size": 300, "space": "[[stage]]\nlayers = [1, 2]\nwidth = [3, 16]\nkernel = 3\npadding = \"same\"\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 24]\nkernel = 3\npadding = \"same\"\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 32]\nkernel = 3\npadding = \"valid\"\n\n[architecture]\ndropout = [0.0, 0.03]\n\n[training]\nbatch_size_choices = [32, 64]\nmax_lr = [0.05, 0.2]\nweight_decay = [1e-05, 0.0002]\nlabel_smoothing = [0.0, 0.0]\naugmentation = [0.4, 1.2]\n", "budget": 700, "epochs": 5, "seed": 3}');
CREATE TABLE test_openings (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	opened VARCHAR(32) NOT NULL, 
	num_models INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "test_openings" VALUES(1,'digits-700','2026-11-25T10:38:45+00:00',4);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,2,1,8.33333333333333287074e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,2,2,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,2,3,2.7333333333333331705e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,2,4,0.56,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,5,6.23333333333333294845e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,4,1,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,4,2,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,4,3,1.8333333333333332038e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,4,4,0.27,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,4,5,0.3,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,6,1,2.03333333333333338144e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,6,2,2.23333333333333328152e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,6,3,3.86666666666666658525e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,6,4,4.23333333333333339254e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,6,5,4.36666666666666647422e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,8,1,1.03333333333333332593e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,8,2,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,8,3,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(19,8,4,1.46666666666666667406e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(20,8,5,2.16666666666666674068e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(21,10,1,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(22,10,2,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(23,10,3,0.09,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(24,10,4,1.93333333333333329262e-01,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'stage1_layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(2,1,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(3,1,'stage1_width2',11.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(4,1,'stage2_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(5,1,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(6,1,'stage2_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(7,1,'stage2_width3',9.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(8,1,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(9,1,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(10,1,'stage3_width2',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(11,1,'stage3_width3',7.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(12,1,'dropout',0.01,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(13,1,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(14,1,'max_lr',1.67990112002020436365e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(15,1,'weight_decay',9.60377585929657356239e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(16,1,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(17,1,'augmentation',6.66146866050792541003e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(18,3,'stage1_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(19,3,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(20,3,'stage1_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(21,3,'stage2_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(22,3,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(23,3,'stage2_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(24,3,'stage2_width3',18.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(25,3,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(26,3,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(27,3,'stage3_width2',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(28,3,'stage3_width3',9.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(29,3,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(30,3,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(31,3,'max_lr',6.11891460539235737536e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(32,3,'weight_decay',5.56718117192657194983e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(33,3,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(34,3,'augmentation',9.56935438483451084046e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(35,5,'stage1_layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(36,5,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(37,5,'stage1_width2',6.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(38,5,'stage2_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(39,5,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(40,5,'stage2_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(41,5,'stage2_width3',7.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(42,5,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(43,5,'stage3_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(44,5,'stage3_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(45,5,'stage3_width3',12.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(46,5,'dropout',0.01,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(47,5,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(48,5,'max_lr',8.07773529650533811397e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(49,5,'weight_decay',1.0779929533822538146e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(50,5,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(51,5,'augmentation',6.26722968920024103844e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(52,7,'stage1_layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(53,7,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(54,7,'stage1_width2',14.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(55,7,'stage2_layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(56,7,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(57,7,'stage2_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(58,7,'stage2_width3',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(59,7,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(60,7,'stage3_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(61,7,'stage3_width2',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(62,7,'stage3_width3',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(63,7,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(64,7,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(65,7,'max_lr',1.84870461124434837252e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(66,7,'weight_decay',8.18870190180832e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(67,7,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(68,7,'augmentation',1.16049243935098500557e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(69,9,'stage1_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(70,9,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(71,9,'stage1_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(72,9,'stage2_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(73,9,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(74,9,'stage2_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(75,9,'stage2_width3',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 24}}');
INSERT INTO "trial_params" VALUES(76,9,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(77,9,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(78,9,'stage3_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(79,9,'stage3_width3',22.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(80,9,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(81,9,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(82,9,'max_lr',5.54473391138828181068e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(83,9,'weight_decay',1.02386968380327883032e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(84,9,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(85,9,'augmentation',4.43363461926092439213e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
CREATE TABLE trial_slots (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	trial_number INTEGER, 
	seed_number INTEGER, 
	num_attempts INTEGER NOT NULL, 
	num_params INTEGER, 
	worker BIGINT NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	heartbeat FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "trial_slots" VALUES(1,'digits-700','complete',0,0,1,573,88016458874751,'vm',1.79560308147339677811e+09);
INSERT INTO "trial_slots" VALUES(2,'digits-700','complete',1,1,1,660,88016458874751,'vm',1.79560308239485383035e+09);
INSERT INTO "trial_slots" VALUES(3,'digits-700','complete',2,2,1,460,88016458874751,'vm',1.79560308291617202755e+09);
INSERT INTO "trial_slots" VALUES(4,'digits-700','complete',3,3,1,586,88016458874751,'vm',1.79560308384523439409e+09);
INSERT INTO "trial_slots" VALUES(5,'digits-700','pruned',4,4,1,677,88016458874751,'vm',1.79560308476333689697e+09);
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'constraints:budget','-0.18142857142857138');
INSERT INTO "trial_system_attributes" VALUES(2,1,'artifacts:2168d67a-0c28-46bd-841a-18fdf4be4c80','"{\"artifact_id\": \"2168d67a-0c28-46bd-841a-18fdf4be4c80\", \"filename\": \"trial-0.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(3,3,'constraints:budget','-0.05714285714285716');
INSERT INTO "trial_system_attributes" VALUES(4,3,'artifacts:4e2507d5-9f4a-4884-a951-1bca5e78bba7','"{\"artifact_id\": \"4e2507d5-9f4a-4884-a951-1bca5e78bba7\", \"filename\": \"trial-1.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(5,5,'constraints:budget','-0.34285714285714286');
INSERT INTO "trial_system_attributes" VALUES(6,5,'artifacts:4e2c5e32-c5c1-473f-b1ce-f2dfdfb520ee','"{\"artifact_id\": \"4e2c5e32-c5c1-473f-b1ce-f2dfdfb520ee\", \"filename\": \"trial-2.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(7,7,'constraints:budget','-0.1628571428571428');
INSERT INTO "trial_system_attributes" VALUES(8,7,'artifacts:0d1faafe-5261-4386-b71e-ef9fe5554f2e','"{\"artifact_id\": \"0d1faafe-5261-4386-b71e-ef9fe5554f2e\", \"filename\": \"trial-3.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(9,9,'constraints:budget','-0.03285714285714281');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'num_params','573');
INSERT INTO "trial_user_attributes" VALUES(2,1,'notation','"3s:brd0.01 p 3s:brd0.01 3s:brd0.01 p 4v:brd0.01 5v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(3,1,'candidate','{"notation": "3s:brd0.01 p 3s:brd0.01 3s:brd0.01 p 4v:brd0.01 5v:brd0.01 gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "max_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "max_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 5, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 32, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.16799011200202044, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 9.603775859296574e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 6.661468660507925, "translation": 0.03330734330253963, "scale": 0.06661468660507926, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(4,1,'candidate_key','"b3025846382ccc49"');
INSERT INTO "trial_user_attributes" VALUES(5,1,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "native", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(6,1,'seed','1576890651');
INSERT INTO "trial_user_attributes" VALUES(7,1,'num_epochs','5');
INSERT INTO "trial_user_attributes" VALUES(8,1,'seconds','0.1643697560000419');
INSERT INTO "trial_user_attributes" VALUES(9,1,'val_accuracy','0.6233333333333333');
INSERT INTO "trial_user_attributes" VALUES(10,1,'val_accuracy_spread','0.35');
INSERT INTO "trial_user_attributes" VALUES(11,1,'weights','"2168d67a-0c28-46bd-841a-18fdf4be4c80"');
INSERT INTO "trial_user_attributes" VALUES(12,1,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(13,2,'trial','0');
INSERT INTO "trial_user_attributes" VALUES(14,2,'notation','"3s:brd0.01 p 3s:brd0.01 3s:brd0.01 p 4v:brd0.01 5v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(15,3,'num_params','660');
INSERT INTO "trial_user_attributes" VALUES(16,3,'notation','"3s:br 3s:br p 3s:br 3s:br p 4v:br 5v:br gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(17,3,'candidate','{"notation": "3s:br 3s:br p 3s:br 3s:br p 4v:br 5v:br gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "max_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "max_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 5, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 64, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.061189146053923574, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 5.567181171926572e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 9.569354384834512, "translation": 0.047846771924172554, "scale": 0.09569354384834511, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(18,3,'candidate_key','"0c5dd5f35de08d65"');
INSERT INTO "trial_user_attributes" VALUES(19,3,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "native", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(20,3,'seed','457190280');
INSERT INTO "trial_user_attributes" VALUES(21,3,'num_epochs','5');
INSERT INTO "trial_user_attributes" VALUES(22,3,'seconds','0.20000188199998092');
INSERT INTO "trial_user_attributes" VALUES(23,3,'val_accuracy','0.3');
INSERT INTO "trial_user_attributes" VALUES(24,3,'val_accuracy_spread','0.11666666666666667');
INSERT INTO "trial_user_attributes" VALUES(25,3,'weights','"4e2507d5-9f4a-4884-a951-1bca5e78bba7"');
INSERT INTO "trial_user_attributes" VALUES(26,3,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(27,4,'trial','1');
INSERT INTO "trial_user_attributes" VALUES(28,4,'notation','"3s:br 3s:br p 3s:br 3s:br p 4v:br 5v:br gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(29,5,'num_params','460');
INSERT INTO "trial_user_attributes" VALUES(30,5,'notation','"3s:brd0.01 p 3s:brd0.01 3s:brd0.01 p 3v:brd0.01 4v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(31,5,'candidate','{"notation": "3s:brd0.01 p 3s:brd0.01 3s:brd0.01 p 3v:brd0.01 4v:brd0.01 gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "max_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "max_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 32, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.08077735296505338, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 0.00010779929533822538, "label_smoothing": 0.0, "clip_norm": null, "rotation": 6.267229689200241, "translation": 0.03133614844600121, "scale": 0.06267229689200242, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(32,5,'candidate_key','"d5562f495723f58f"');
INSERT INTO "trial_user_attributes" VALUES(33,5,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "native", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(34,5,'seed','960329833');
INSERT INTO "trial_user_attributes" VALUES(35,5,'num_epochs','5');
INSERT INTO "trial_user_attributes" VALUES(36,5,'seconds','0.23162750100010498');
INSERT INTO "trial_user_attributes" VALUES(37,5,'val_accuracy','0.43666666666666665');
INSERT INTO "trial_user_attributes" VALUES(38,5,'val_accuracy_spread','0.04999999999999999');
INSERT INTO "trial_user_attributes" VALUES(39,5,'weights','"4e2c5e32-c5c1-473f-b1ce-f2dfdfb520ee"');
INSERT INTO "trial_user_attributes" VALUES(40,5,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(41,6,'trial','2');
INSERT INTO "trial_user_attributes" VALUES(42,6,'notation','"3s:brd0.01 p 3s:brd0.01 3s:brd0.01 p 3v:brd0.01 4v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(43,7,'num_params','586');
INSERT INTO "trial_user_attributes" VALUES(44,7,'notation','"3s:br p 3s:br 3s:br 3s:br p 3v:br 5v:br gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(45,7,'candidate','{"notation": "3s:br p 3s:br 3s:br 3s:br p 3v:br 5v:br gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "max_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "max_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 5, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 64, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.18487046112443484, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 8.18870190180832e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 11.604924393509851, "translation": 0.058024621967549254, "scale": 0.11604924393509851, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(46,7,'candidate_key','"119138038dbd0ad4"');
INSERT INTO "trial_user_attributes" VALUES(47,7,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "native", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(48,7,'seed','4253259675');
INSERT INTO "trial_user_attributes" VALUES(49,7,'num_epochs','5');
INSERT INTO "trial_user_attributes" VALUES(50,7,'seconds','0.16147111999998742');
INSERT INTO "trial_user_attributes" VALUES(51,7,'val_accuracy','0.21666666666666667');
INSERT INTO "trial_user_attributes" VALUES(52,7,'val_accuracy_spread','0.11666666666666667');
INSERT INTO "trial_user_attributes" VALUES(53,7,'weights','"0d1faafe-5261-4386-b71e-ef9fe5554f2e"');
INSERT INTO "trial_user_attributes" VALUES(54,7,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(55,8,'trial','3');
INSERT INTO "trial_user_attributes" VALUES(56,8,'notation','"3s:br p 3s:br 3s:br 3s:br p 3v:br 5v:br gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(57,9,'num_params','677');
INSERT INTO "trial_user_attributes" VALUES(58,9,'notation','"3s:br 3s:br p 3s:br 4s:br p 4v:br 4v:br gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(59,9,'candidate','{"notation": "3s:br 3s:br p 3s:br 4s:br p 4v:br 4v:br gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "max_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "max_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 64, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.05544733911388282, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 1.0238696838032788e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 4.433634619260925, "translation": 0.022168173096304623, "scale": 0.04433634619260925, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(60,9,'candidate_key','"68dc024081669deb"');
INSERT INTO "trial_user_attributes" VALUES(61,9,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "native", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(62,9,'seed','2746448868');
INSERT INTO "trial_user_attributes" VALUES(63,9,'num_epochs','4');
INSERT INTO "trial_user_attributes" VALUES(64,9,'seconds','0.15596014600009767');
INSERT INTO "trial_user_attributes" VALUES(65,9,'val_accuracy','0.19333333333333333');
INSERT INTO "trial_user_attributes" VALUES(66,9,'reason','"pruned after epoch 4"');
INSERT INTO "trial_user_attributes" VALUES(67,9,'outcome','"pruned"');
INSERT INTO "trial_user_attributes" VALUES(68,10,'trial','4');
INSERT INTO "trial_user_attributes" VALUES(69,10,'notation','"3s:br 3s:br p 3s:br 4s:br p 4v:br 4v:br gap fc10+"');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,6.23333333333333294845e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,1,1,573.0,'FINITE');
INSERT INTO "trial_values" VALUES(3,2,0,6.23333333333333294845e-01,'FINITE');
INSERT INTO "trial_values" VALUES(4,3,0,0.3,'FINITE');
INSERT INTO "trial_values" VALUES(5,3,1,660.0,'FINITE');
INSERT INTO "trial_values" VALUES(6,4,0,0.3,'FINITE');
INSERT INTO "trial_values" VALUES(7,5,0,4.36666666666666647422e-01,'FINITE');
INSERT INTO "trial_values" VALUES(8,5,1,460.0,'FINITE');
INSERT INTO "trial_values" VALUES(9,6,0,4.36666666666666647422e-01,'FINITE');
INSERT INTO "trial_values" VALUES(10,7,0,2.16666666666666674068e-01,'FINITE');
INSERT INTO "trial_values" VALUES(11,7,1,586.0,'FINITE');
INSERT INTO "trial_values" VALUES(12,8,0,2.16666666666666674068e-01,'FINITE');
INSERT INTO "trial_values" VALUES(13,10,0,1.93333333333333329262e-01,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-25 10:38:01.097359','2026-11-25 10:38:01.595616');
INSERT INTO "trials" VALUES(2,0,2,'COMPLETE','2026-11-25 10:38:01.611877','2026-11-25 10:38:01.611877');
INSERT INTO "trials" VALUES(3,1,1,'COMPLETE','2026-11-25 10:38:01.951095','2026-11-25 10:38:02.459747');
INSERT INTO "trials" VALUES(4,1,2,'COMPLETE','2026-11-25 10:38:02.465461','2026-11-25 10:38:02.465461');
INSERT INTO "trials" VALUES(5,2,1,'COMPLETE','2026-11-25 10:38:02.498628','2026-11-25 10:38:03.010115');
INSERT INTO "trials" VALUES(6,2,2,'COMPLETE','2026-11-25 10:38:03.018250','2026-11-25 10:38:03.018250');
INSERT INTO "trials" VALUES(7,3,1,'COMPLETE','2026-11-25 10:38:03.379929','2026-11-25 10:38:03.926199');
INSERT INTO "trials" VALUES(8,3,2,'COMPLETE','2026-11-25 10:38:03.934649','2026-11-25 10:38:03.934649');
INSERT INTO "trials" VALUES(9,4,1,'PRUNED','2026-11-25 10:38:04.373272','2026-11-25 10:38:04.812050');
INSERT INTO "trials" VALUES(10,4,2,'PRUNED','2026-11-25 10:38:04.813988','2026-11-25 10:38:04.813988');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE INDEX ix_trial_slots_study_name ON trial_slots (study_name);
CREATE INDEX ix_queued_candidates_study_name ON queued_candidates (study_name);
CREATE INDEX ix_epochs_study_name ON epochs (study_name);
CREATE INDEX ix_pareto_front_study_name ON pareto_front (study_name);
CREATE INDEX ix_confirmation_trainings_study_name ON confirmation_trainings (study_name);
CREATE INDEX ix_test_openings_study_name ON test_openings (study_name);
COMMIT;
